// Requests to the node. Everything else asks through here.

import { session } from './session';

export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export const unreachable =
  'The node does not answer. It may be starting, or stopped; the page goes on asking.';

function messageOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { error, detail } = body as { error?: { message?: unknown }; detail?: unknown };
  const message = detail ?? error?.message;
  return typeof message === 'string' ? message : undefined;
}

/** Fails with a Refusal, whose message is for people. */
export async function ask<Answer>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: unknown,
  { signal, token }: { signal?: AbortSignal | undefined; token?: string } = {},
): Promise<Answer> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (token !== undefined) headers['Authorization'] = `Bearer ${token}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && session.value) headers['Farshore-CSRF'] = session.value.csrf;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (failure) {
    if (signal?.aborted) throw failure;
    throw new Refusal(0, unreachable);
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok) return answer as Answer;
  if (response.status === 401 && path !== '/session') session.value = null;
  throw new Refusal(
    response.status,
    messageOf(answer) ?? `The node answered with status ${response.status}.`,
  );
}

export function get<Answer>(path: string, signal?: AbortSignal): Promise<Answer> {
  return ask<Answer>('GET', path, undefined, { signal });
}

export function order<Answer>(action: string, body: unknown = {}): Promise<Answer> {
  return ask<Answer>('POST', `/api/v1/${action}`, body);
}

export function sentenceOf(failure: unknown): string {
  return failure instanceof Error ? failure.message : String(failure);
}
