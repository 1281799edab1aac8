// What an action led to, said in one place, and read out.

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { Icon } from './icon';

interface Notice {
  text: string;
  failed: boolean;
}

const notice = signal<Notice | null>(null);
const shown = 8000;

export function tell(text: string, failed = false): void {
  notice.value = { text, failed };
}

export function Notices() {
  const now = notice.value;
  useEffect(() => {
    if (!now || now.failed) return;
    const timer = setTimeout(() => (notice.value = null), shown);
    return () => clearTimeout(timer);
  }, [now]);
  return (
    <div class="notices" role="status" aria-live="polite">
      {now ? (
        <div class={now.failed ? 'notice failed' : 'notice'}>
          <Icon of={now.failed ? 'warning' : 'ok'} />
          <p>{now.text}</p>
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => (notice.value = null)}>
            <Icon of="close" />
          </button>
        </div>
      ) : null}
    </div>
  );
}
