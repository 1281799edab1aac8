// Numbers, times and sizes as people read them.

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

export function count(n: number): string {
  return whole.format(n);
}

/** "1 record", "12 records". */
export function counted(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** Never "100" before the last one is there, nor "0" where something is. */
export function percent(part: number, all: number): string {
  if (all === 0 || part >= all) return '100 %';
  const exact = (100 * part) / all;
  return `${(exact > 99.9 ? 99.9 : exact > 0 && exact < 0.1 ? 0.1 : exact).toFixed(1)} %`;
}

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let at = 0;
  while (n >= 999.5 && at < units.length - 1) {
    n /= 1000;
    at += 1;
  }
  return `${short.format(n)} ${units[at]}`;
}

/** In at most two units: "2 s", "1 min 29 s", "3 h 12 min". */
export function duration(seconds: number): string {
  const s = Math.max(0, seconds);
  if (s < 1) return s === 0 ? '0 s' : '< 1 s';
  const steps: [number, string][] = [
    [86400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const first = steps.findIndex(([size]) => s >= size);
  const [size, unit] = steps[first]!;
  const next = steps[first + 1];
  if (!next) return `${Math.floor(s)} s`;
  const rest = Math.floor((s % size) / next[0]);
  return `${Math.floor(s / size)} ${unit}${rest > 0 ? ` ${rest} ${next[1]}` : ''}`;
}

/** Seconds from one time of the node's clock to another. */
export function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

/** The time of day, as the browser's zone has it. */
export function timeOfDay(time: string): string {
  return clock.format(new Date(time));
}

export function date(time: string): string {
  return day.format(new Date(time));
}

/** The date is left out where it is today's. `now` is the node's clock. */
export function moment(time: string, now: string): string {
  return date(time) === date(now) ? timeOfDay(time) : `${date(time)}, ${timeOfDay(time)}`;
}

/** Records in a second, or in a minute where they are few. */
export function rate(perSecond: number): string {
  if (perSecond === 0) return '0/s';
  if (perSecond >= 0.95) return `${short.format(Math.round(perSecond * 10) / 10)}/s`;
  return `${short.format(Math.round(perSecond * 600) / 10)}/min`;
}

/** A locator as it lies on the disk; left as it is where it is no UTF-8. */
export function path(locator: string): string {
  try {
    return decodeURIComponent(locator);
  } catch {
    return locator;
  }
}
