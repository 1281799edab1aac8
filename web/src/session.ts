// Who is signed in. The cookie itself is out of the page's reach.

import { computed, signal } from '@preact/signals';
import { ask, Refusal } from './api';
import type { Session } from './documents';

/** undefined: not asked yet; null: nobody. */
export const session = signal<Session | null | undefined>(undefined);

export const mayAct = computed(() => session.value?.level === 'operator');

/** Throws where the node can't be asked; asked again by the caller. */
export async function resume(): Promise<void> {
  try {
    session.value = await ask<Session>('GET', '/session');
  } catch (failure) {
    if (!(failure instanceof Refusal) || failure.status !== 401) throw failure;
    session.value = null;
  }
}

export async function signIn(token: string): Promise<void> {
  session.value = await ask<Session>('POST', '/session', {}, { token });
}

export async function signOut(): Promise<void> {
  await ask('DELETE', '/session');
  session.value = null;
}
