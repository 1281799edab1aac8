// A time, and how long ago it is by the node's clock.

import { status } from '../live';
import { duration, moment, secondsBetween } from '../format';

export function Moment({ at }: { at: string }) {
  return (
    <time dateTime={at} title={at}>
      {moment(at, status.value?.time ?? at)}
    </time>
  );
}

export function Ago({ at }: { at: string }) {
  const now = status.value?.time ?? at;
  const seconds = secondsBetween(at, now);
  return (
    <time dateTime={at} title={`${moment(at, now)} (${at})`}>
      {seconds < 0 ? `in ${duration(-seconds)}` : seconds < 1 ? 'just now' : `${duration(seconds)} ago`}
    </time>
  );
}
