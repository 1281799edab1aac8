// The frame around every page, and which page it is.

import { useEffect, useRef } from 'preact/hooks';
import { sentenceOf, unreachable } from './api';
import type { Status } from './documents';
import { jobs } from './jobs';
import { follow, interruption, status } from './live';
import { Icon, Mark } from './parts/icon';
import { Notices, tell } from './parts/notice';
import { Comparison } from './pages/comparison';
import { Faults } from './pages/faults';
import { Jobs } from './pages/jobs';
import { OrphansPage } from './pages/orphans';
import { PrimaryOverview } from './pages/primary_overview';
import { RecordPage } from './pages/record';
import { Records } from './pages/records';
import { SecondaryOverview } from './pages/secondary_overview';
import { SignIn } from './pages/sign_in';
import { TypePage } from './pages/type';
import { href, route } from './router';
import { resume, session, signOut } from './session';

const retryAfter = 2000;

interface Tab {
  name: string;
  /** The first segment of its address. */
  at: string;
}

function tabsOf(now: Status): Tab[] {
  return now.role === 'secondary'
    ? [
        { name: 'Overview', at: '' },
        { name: 'Records', at: 'types' },
        { name: 'Comparison', at: 'comparison' },
        { name: 'Jobs', at: 'jobs' },
      ]
    : [
        { name: 'Overview', at: '' },
        { name: 'Records', at: 'types' },
        { name: 'Faults', at: 'faults' },
        { name: 'Jobs', at: 'jobs' },
      ];
}

function Health({ now }: { now: Status }) {
  const trouble = now.problems.length;
  if (interruption.value)
    return (
      <span class="health lost">
        <Icon of="warning" /> No answer
      </span>
    );
  if (now.health === 'starting')
    return (
      <span class="health starting">
        <Icon of="waiting" /> Starting
      </span>
    );
  return now.health === 'ok' ? (
    <span class="health ok">
      <Icon of="ok" /> Healthy
    </span>
  ) : (
    <a class="health degraded" href={href([])}>
      <Icon of="warning" /> {trouble === 1 ? '1 problem' : `${trouble} problems`}
    </a>
  );
}

function Header({ now, main }: { now: Status; main: { current: HTMLElement | null } }) {
  const here = route.value.segments[0] ?? '';
  const who = session.value;
  const running = jobs.value?.filter((job) => job.state === 'running').length ?? 0;
  return (
    <header>
      <a
        class="skip"
        href={location.hash || '#/'}
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        To the page's content
      </a>
      <div class="bar-of-site">
        <a class="site" href={href([])}>
          <Mark />
          <span class="name">{now.site}</span>
          <span class="role">{now.role}</span>
        </a>
        <Health now={now} />
        <div class="who">
          {who ? (
            <>
              <span>
                {who.name} <span class="level">{who.level}</span>
              </span>
              <button
                type="button"
                class="quiet"
                onClick={() => signOut().catch((failure) => tell(sentenceOf(failure), true))}
              >
                Sign out
              </button>
            </>
          ) : null}
        </div>
      </div>
      <nav aria-label="Pages">
        {tabsOf(now).map((tab) => (
          <a
            key={tab.at}
            href={href(tab.at ? [tab.at] : [])}
            aria-current={here === tab.at ? 'page' : undefined}
          >
            {tab.name}
            {tab.at === 'jobs' && running > 0 ? <span class="running"> {running} running</span> : null}
          </a>
        ))}
      </nav>
    </header>
  );
}

function Page({ now }: { now: Status }) {
  const [first, name, what, id] = route.value.segments;
  if (first === undefined)
    return now.role === 'secondary' ? <SecondaryOverview now={now} /> : <PrimaryOverview now={now} />;
  if (first === 'types') {
    const type = now.types.find((one) => one.name === name) ?? (name === undefined ? now.types[0] : undefined);
    if (type && (name === undefined || (what === 'records' && id === undefined)))
      return <Records now={now} name={type.name} />;
    if (type && what === 'records') return <RecordPage now={now} name={type.name} id={Number(id)} />;
    if (type && what === 'orphans') return <OrphansPage name={type.name} />;
    if (type && what === undefined) return <TypePage now={now} name={type.name} />;
  }
  if (first === 'jobs') return <Jobs />;
  if (first === 'comparison' && now.role === 'secondary') return <Comparison now={now} />;
  if (first === 'faults' && now.role === 'primary') return <Faults now={now} />;
  return (
    <section>
      <h1>There is nothing here</h1>
      <p>
        No page of this site has that address. <a href={href([])}>Back to the overview</a>
      </p>
    </section>
  );
}

/** A page is named in the window's title, and read out from its heading on. */
function useArrival(main: { current: HTMLElement | null }, site: string | undefined): void {
  const at = route.value.segments.join('/');
  const before = useRef(at);
  useEffect(() => {
    const heading = main.current?.querySelector('h1');
    const named = heading?.textContent;
    document.title = [named, site, 'Farshore'].filter(Boolean).join(' · ');
    if (before.current === at) return;
    before.current = at;
    scrollTo({ top: 0 });
    heading?.setAttribute('tabindex', '-1');
    heading?.focus({ preventScroll: true });
  }, [at, site]);
}

function SignedIn() {
  const main = useRef<HTMLElement>(null);
  useEffect(follow, []);
  const now = status.value;
  useArrival(main, now?.site);
  if (!now)
    return (
      <main class="alone">
        <Mark />
        <p role="status">{interruption.value ?? 'Asking the node …'}</p>
      </main>
    );
  return (
    <>
      <Header now={now} main={main} />
      {interruption.value ? (
        <p class="interruption" role="alert">
          <Icon of="warning" /> {interruption.value} What is shown is of an earlier moment.
        </p>
      ) : null}
      <main ref={main} tabIndex={-1}>
        <Page now={now} />
      </main>
      <footer>
        <span>Farshore {now.version}</span>
        <span>Times are those of this browser ({Intl.DateTimeFormat().resolvedOptions().timeZone}).</span>
      </footer>
      <Notices />
    </>
  );
}

export function App() {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = (): void => {
      resume().then(
        () => (interruption.value = null),
        () => {
          interruption.value = unreachable;
          timer = setTimeout(look, retryAfter);
        },
      );
    };
    look();
    return () => clearTimeout(timer);
  }, []);
  if (session.value) return <SignedIn />;
  if (session.value === null) {
    status.value = null;
    return <SignIn />;
  }
  return (
    <main class="alone">
      <Mark />
      <p role="status">{interruption.value ?? ' '}</p>
    </main>
  );
}
