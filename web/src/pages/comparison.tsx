import { useEffect, useState } from 'preact/hooks';
import { compare } from '../actions';
import { get, sentenceOf } from '../api';
import type { Comparison as Answer, SecondaryStatus } from '../documents';
import { count, counted } from '../format';
import { status } from '../live';
import { Action } from '../parts/action';
import { Icon } from '../parts/icon';
import { Ago } from '../parts/time';
import { href } from '../router';

const words: Record<string, string> = {
  missing_here: 'missing here',
  only_here: 'only here',
  other_locator: 'lies elsewhere',
  other_revision: 'another change',
  other_checksum: 'another checksum',
  not_sound: 'not sound here',
};

export function Comparison({ now }: { now: SecondaryStatus }) {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const tick = status.value;
  useEffect(() => {
    const end = new AbortController();
    get<Answer>('/api/v1/compare', end.signal).then(
      (said) => {
        setAnswer(said);
        setFailure(null);
      },
      (failed: unknown) => {
        if (!end.signal.aborted) setFailure(sentenceOf(failed));
      },
    );
    return () => end.abort();
  }, [tick]);
  const done = answer?.state === 'done';
  const equal = done && answer.types.every((type) => type.equal);
  const whole = now.types.every(
    (type) => !type.enabled || answer?.types.some((one) => one.name === type.name),
  );
  return (
    <>
      <div class="page-head">
        <h1>Comparison</h1>
        <p>Proves that {now.site} has what its primary has, or names what differs, at the cost of what differs.</p>
        <div class="buttons">
          <Action label="Compare now" kind="main" disabled={answer?.state === 'running'} run={() => compare(null)} />
        </div>
      </div>
      <section aria-label="Result">
        <p class="tally" role="status">
          {failure ??
            (!answer
              ? 'Asking the node …'
              : answer.state === 'none'
                ? 'None since the node began.'
                : answer.state === 'running'
                  ? `Under way: ${answer.at ?? ''}`
                  : '')}
          {done ? (
            <span class={`standing ${equal ? 'verified' : 'failed'}`}>
              <Icon of={equal ? 'ok' : 'warning'} />
              {!equal ? 'The sites differ' : whole ? 'Both sites are equal' : 'What was compared is equal'}
            </span>
          ) : null}
          {done && answer.began_at ? (
            <span class="aside">
              begun <Ago at={answer.began_at} />
            </span>
          ) : null}
        </p>
        {done ? (
          <>
            <dl class="checksums">
              <div>
                <dt>Digest here</dt>
                <dd>
                  <code>{answer.digest_here}</code>
                </dd>
              </div>
              <div>
                <dt>On the primary</dt>
                <dd>
                  <code>{answer.digest_there}</code>
                </dd>
              </div>
            </dl>
            <div class="compared">
              {answer.types.map((type) => (
                <article key={type.name} aria-label={type.name}>
                  <div class="title">
                    <h2>{type.name}</h2>
                    <span class={`standing ${type.equal ? 'verified' : 'failed'}`}>
                      <Icon of={type.equal ? 'ok' : 'warning'} /> {type.equal ? 'equal' : 'different'}
                    </span>
                  </div>
                  <p>
                    {counted(type.records_here, 'record')} here, {count(type.records_there)} on the primary.{' '}
                    {type.trouble}
                  </p>
                  {type.differences.length > 0 ? (
                    <ul class="differences">
                      {type.differences.map((one) => (
                        <li key={one.record_id}>
                          <a href={href(['types', type.name, 'records', one.record_id])}>{one.key}</a>{' '}
                          {words[one.what] ?? one.what}
                          {one.fault ? `: ${one.fault}` : ''}
                        </li>
                      ))}
                      {type.more ? <li>and more</li> : null}
                    </ul>
                  ) : null}
                </article>
              ))}
            </div>
          </>
        ) : null}
      </section>
    </>
  );
}
