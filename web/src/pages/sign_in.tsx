import { useEffect, useRef, useState } from 'preact/hooks';
import { sentenceOf } from '../api';
import { Icon, Mark } from '../parts/icon';
import { signIn } from '../session';

export function SignIn() {
  const field = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState<string | null>(null);
  useEffect(() => {
    document.title = 'Sign in · Farshore';
    field.current?.focus();
  }, []);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const token = field.current!.value.trim();
    if (token === '') {
      setTrouble('Paste a token first.');
      field.current!.focus();
      return;
    }
    setBusy(true);
    try {
      await signIn(token);
    } catch (failure) {
      setTrouble(sentenceOf(failure));
      setBusy(false);
      field.current?.select();
    }
  };
  return (
    <main class="sign-in">
      <form onSubmit={(event) => void submit(event)} noValidate>
        <Mark />
        <h1>Farshore</h1>
        <label for="token">Token</label>
        <input
          ref={field}
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          aria-describedby="token-help token-trouble"
          aria-invalid={trouble !== null}
        />
        <p id="token-trouble" class="trouble" role="alert">
          {trouble ? (
            <>
              <Icon of="warning" /> {trouble}
            </>
          ) : null}
        </p>
        <button type="submit" class="main" disabled={busy} aria-busy={busy}>
          Sign in
        </button>
        <p id="token-help" class="help">
          At the site, <code>farshore token --operator --name you</code> prints one; with <code>--viewer</code>, one
          that can look and not act.
        </p>
      </form>
    </main>
  );
}
