// A small plot of the last hour, by uPlot.

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { duration, timeOfDay } from '../format';
import type { Sample } from '../history';

export interface Line {
  label: string;
  of: (sample: Sample) => number | null;
  /** The custom property that has its colour. */
  colour: string;
  dash?: number[];
}

/** "hour", or "12 min" where less is known. */
export function spanWords(samples: readonly Sample[]): string {
  const span = spanOf(samples);
  return span > 0.97 * hour ? 'hour' : `${Math.round(span / 60)} min`;
}

interface Props {
  samples: readonly Sample[];
  lines: Line[];
  title: string;
  height: number;
  /** Axes and a cursor; without them it is for a glance. */
  whole?: boolean;
  unit?: (value: number) => string;
}

const hour = 3600;
/** A node that has just begun has less than an hour to show. */
const shortest = 300;

/** Seconds that the plot spans. */
function spanOf(samples: readonly Sample[]): number {
  const first = samples[0]?.at ?? 0;
  const last = samples.at(-1)?.at ?? 0;
  return Math.min(hour, Math.max(shortest, last - first));
}

const dark = matchMedia('(prefers-color-scheme: dark)');

function colourOf(property: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(property).trim();
}

function dataOf(samples: readonly Sample[], lines: Line[]): uPlot.AlignedData {
  return [samples.map((one) => one.at), ...lines.map((line) => samples.map(line.of))];
}

/** Read out instead of the drawing. */
function summary(samples: readonly Sample[], lines: Line[], unit: (value: number) => string): string {
  return lines
    .map((line) => {
      const values = samples.map(line.of).filter((value): value is number => value !== null);
      if (values.length === 0) return `${line.label}: not known`;
      return `${line.label}: now ${unit(values.at(-1)!)}, at most ${unit(Math.max(...values))}`;
    })
    .join('; ');
}

function optionsOf(width: number, { lines, height, whole, unit = duration }: Props): uPlot.Options {
  const quiet = colourOf('--ink-3');
  const grid = { stroke: colourOf('--line'), width: 1 };
  const font = '12px "Inter Variable", sans-serif';
  const axis = { stroke: quiet, font, ticks: { show: false }, grid };
  return {
    width,
    height,
    padding: whole ? [8, 4, 0, 0] : [3, 1, 3, 1],
    legend: { show: false },
    cursor: whole ? { y: false, points: { size: 6 }, drag: { x: false, y: false } } : { show: false },
    scales: {
      x: { time: true, range: (_plot, min, max) => [Math.max(max - hour, Math.min(min, max - shortest)), max] },
      // Never so close that a second looks like a mountain.
      y: { range: (_plot, _min, max) => [0, Math.max(max * 1.15, 5)] },
    },
    axes: whole
      ? [
          { ...axis, grid: { show: false }, space: 80, size: 28, incrs: [60, 120, 300, 600, 900], values: (_plot, at) => at.map((one) => timeOfDay(new Date(one * 1000).toISOString()).slice(0, 5)) },
          { ...axis, size: 64, space: 36, values: (_plot, at) => at.map((one) => unit(one)) },
        ]
      : [{ show: false }, { show: false }],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.label,
        stroke: colourOf(line.colour),
        width: 1.5,
        ...(line.dash ? { dash: line.dash } : {}),
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}

export function Plot(props: Props) {
  const { samples, lines, title, height, unit = duration, whole } = props;
  const place = useRef<HTMLDivElement>(null);
  const readout = useRef<HTMLParagraphElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = useRef<uPlot.AlignedData>([[]]);
  data.current = dataOf(samples, lines);

  useEffect(() => {
    const frame = place.current!;
    const draw = (): void => {
      plot.current?.destroy();
      const options = optionsOf(frame.clientWidth, props);
      if (whole)
        options.hooks = {
          setCursor: [
            (at) => {
              const index = at.cursor.idx;
              if (!readout.current) return;
              const time = index == null ? undefined : at.data[0][index];
              readout.current.textContent =
                index == null || time === undefined
                  ? ''
                  : `${timeOfDay(new Date(time * 1000).toISOString())} · ${lines
                      .map((line, number) => {
                        const value = at.data[number + 1]?.[index];
                        return `${line.label} ${value == null ? 'not known' : unit(value)}`;
                      })
                      .join(' · ')}`;
            },
          ],
        };
      plot.current = new uPlot(options, data.current, frame);
    };
    draw();
    const sized = new ResizeObserver(() => plot.current?.setSize({ width: frame.clientWidth, height }));
    sized.observe(frame);
    dark.addEventListener('change', draw);
    return () => {
      sized.disconnect();
      dark.removeEventListener('change', draw);
      plot.current?.destroy();
      plot.current = null;
    };
    // Its lines are the same for as long as it is there.
  }, []);

  useEffect(() => {
    plot.current?.setData(data.current);
  }, [samples]);

  return (
    <figure class={whole ? 'plot whole' : 'plot'}>
      <div ref={place} class="canvas" style={{ height: `${height}px` }} role="img" aria-label={`${title}. ${summary(samples, lines, unit)}`} />
      {whole ? <p ref={readout} class="readout" aria-hidden="true" /> : null}
    </figure>
  );
}
