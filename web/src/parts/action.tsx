// A button that does something at the node: asks first where that is due, says what came of it.
// Who is signed in to look does not see it.

import { useRef, useState } from 'preact/hooks';
import { sentenceOf } from '../api';
import { mayAct } from '../session';
import { tell } from './notice';

interface Props {
  label: string;
  /** Does it, and says what happened. */
  run: () => Promise<string>;
  /** Asked before; without it the action is taken at once. */
  confirm?: { title: string; text: string };
  kind?: 'plain' | 'main' | 'grave';
  disabled?: boolean;
  title?: string;
}

export function Action({ label, run, confirm, kind = 'plain', disabled = false, title }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  if (!mayAct.value) return null;

  const act = async (): Promise<void> => {
    dialog.current?.close();
    setBusy(true);
    try {
      tell(await run());
    } catch (failure) {
      tell(`${label}: ${sentenceOf(failure)}`, true);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <button
        type="button"
        class={kind}
        disabled={disabled || busy}
        aria-busy={busy}
        title={title}
        onClick={() => (confirm ? dialog.current?.showModal() : void act())}
      >
        {label}
      </button>
      {confirm ? (
        <dialog ref={dialog} aria-label={confirm.title}>
          <h2>{confirm.title}</h2>
          <p>{confirm.text}</p>
          <div class="buttons">
            <button type="button" class="plain" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
            <button type="button" class={kind === 'grave' ? 'grave' : 'main'} onClick={() => void act()}>
              {label}
            </button>
          </div>
        </dialog>
      ) : null}
    </>
  );
}
