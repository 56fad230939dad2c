import { LitElement, css, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { control } from '../shell/styles';
import { show } from './forms';
import type { Flow, StreamRun } from './run';

/** How often a stream that runs is drawn, in milliseconds: however fast it is, and also where it stands still. */
const DRAWN = 200;

const ENDINGS = { runs: 'stream', ended: 'stream ended', cancelled: 'stream cancelled', failed: 'stream failed' } as const;

/** Shows a stream: how far it is, how fast, its newest frames, and a button that cancels it. */
@customElement('stream-run')
export class StreamRunElement extends LitElement {
  static override styles = [control, css`
    :host { display: grid; gap: 0.4rem; }
    .head { display: flex; align-items: center; justify-content: space-between; gap: 0.5rem; font-size: var(--small); color: var(--soft); overflow-wrap: anywhere; }
    b { color: var(--good-ink); font-weight: 600; }
    .failed b, .cancelled b { color: var(--bad); }
    progress { inline-size: 100%; block-size: 0.5rem; accent-color: var(--accent); }
    .figures { margin: 0; font-size: var(--small); color: var(--soft); font-variant-numeric: tabular-nums; }
    .wrong { margin: 0; color: var(--bad); font-size: var(--small); }
    .frames { max-block-size: 12rem; overflow-y: auto; }
    table { inline-size: 100%; border-collapse: collapse; }
    th { position: sticky; inset-block-start: 0; background: var(--card); font-size: var(--small); font-weight: 600; color: var(--soft); }
    td { font: 0.82rem/1.5 var(--mono); }
    th, td { padding: 0; text-align: start; vertical-align: top; overflow-wrap: anywhere; }
    :is(th, td):first-child { inline-size: 1%; padding-inline-end: 0.9rem; white-space: nowrap; color: var(--soft); }
  `];

  @property({ attribute: false }) run!: StreamRun;
  #timer: ReturnType<typeof setInterval> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => { if (this.run.ending === 'runs') this.requestUpdate(); }, DRAWN);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
    // Nobody sees it any more.
    this.run.cancel();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('run')) this.run.changed = () => { if (this.run.ending !== 'runs') this.requestUpdate(); };
  }

  protected override render(): TemplateResult {
    const { run } = this;
    const { event, ending, progress, error, frames } = run;
    return html`
      <div class="head ${ending}"><span role="status"><b>${ENDINGS[ending]}</b></span><span>${event}</span>
        ${ending === 'runs' ? html`<button @click=${() => { run.cancel(); }}>Cancel</button>` : nothing}</div>
      ${progress === undefined
        ? nothing
        : html`<progress aria-label="Progress of ${event}" max=${Math.max(progress.of, 1)} .value=${progress.of === 0 ? 1 : progress.at}></progress>`}
      ${run.file ? html`<p class="figures">Sent: ${figures(run.up, ending === 'runs')}</p>` : nothing}
      <p class="figures">Received: ${figures(run.down, ending === 'runs')}</p>
      ${ending === 'failed' ? html`<p class="wrong" role="alert">${wordsOf(error)}</p>` : nothing}
      ${frames.length === 0 ? nothing : html`<div class="frames" tabindex="0" role="region" aria-label="Newest frames of ${event}">
        <table>
          <thead><tr><th scope="col">Frame</th><th scope="col">Data, newest first</th></tr></thead>
          <tbody>${frames.map(({ n, data }) => html`<tr><td>${n}</td><td>${shown(data)}</td></tr>`)}</tbody>
        </table></div>`}
    `;
  }
}

function figures(flow: Flow, isRunning: boolean): string {
  const { frames, bytes } = flow.rate;
  const count = `${flow.frames.toLocaleString('en')} ${flow.frames === 1 ? 'frame' : 'frames'}`;
  const all = flow.bytes > 0 ? `${count}, ${megabytes(flow.bytes)} MB` : count;
  if (!isRunning) return all;
  return `${all}; ${Math.round(frames).toLocaleString('en')} frames/s${flow.bytes > 0 ? `, ${megabytes(bytes)} MB/s` : ''}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toLocaleString('en', { maximumFractionDigits: 1 });
}

function shown(data: unknown): string {
  return data instanceof ArrayBuffer ? `${data.byteLength.toLocaleString('en')} bytes` : show(data) ?? 'null';
}

function wordsOf(error: unknown): string {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  return code === undefined ? String(message ?? error) : `${code}: ${message ?? ''}`;
}
