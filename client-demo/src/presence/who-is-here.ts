import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { customElement, property, query } from 'lit/decorators.js';
import type { Visitor } from '../board/card';
import { control, visuallyHidden } from '../shell/styles';
import { COLORS, VisitorEvent, keepVisitor, visitors, type Visitors } from './presence';

const LETTERS = new Intl.Segmenter();

/** Faces and names that are shown; the others are counted. */
const SHOWN = 5;
const NAMED = 100;

/** The visitors, and the one at this page. */
@customElement('who-is-here')
export class WhoIsHere extends LitElement {
  static override styles = [control, visuallyHidden, css`
    :host { display: flex; align-items: center; gap: 0.75rem; }
    ul { margin: 0; padding: 0; list-style: none; }
    .faces { display: flex; min-block-size: 2rem; }
    .faces:not(:has(li)) { display: none; }
    .faces li { display: grid; place-items: center; inline-size: 2rem; block-size: 2rem; border-radius: 50%; font-size: 0.75rem; font-weight: 650; }
    .faces li { color: #fff; box-shadow: 0 0 0 2px var(--paper); margin-inline-start: -0.4rem; }
    .faces li:first-child { margin-inline-start: 0; }
    .faces li.more { background: var(--hover); color: var(--soft); }
    .names { display: grid; gap: 0.35rem; margin-block-start: 0.6rem; max-block-size: 12rem; overflow-y: auto; }
    .names li { display: flex; align-items: center; gap: 0.5rem; overflow-wrap: anywhere; }
    section { margin-block-start: 1.25rem; padding-block-start: 1.25rem; border-block-start: 1px solid var(--line); }
    section p { margin: 0.6rem 0 0; color: var(--soft); font-size: var(--small); }
    button.who { min-inline-size: 0; padding-inline: 0.5rem 0.75rem; border-radius: 2rem; }
    .swatch { inline-size: 1.2rem; block-size: 1.2rem; border-radius: 50%; flex: none; }
    dialog { border: 1px solid var(--line); border-radius: var(--radius-large); padding: 1.25rem; background: var(--paper); color: var(--ink); box-shadow: var(--shadow-high); inline-size: min(20rem, 90vw); box-sizing: border-box; }
    dialog::backdrop { background: rgb(10 15 20 / 35%); }
    form { display: grid; gap: 1rem; }
    h2 { margin: 0; font-size: 1.05rem; }
    label.name { display: grid; gap: 0.3rem; font-size: var(--small); color: var(--soft); }
    label.name input { color: var(--ink); font-size: 1rem; }
    fieldset { display: flex; flex-wrap: wrap; gap: 0.35rem; border: 0; margin: 0; padding: 0; }
    legend { font-size: var(--small); color: var(--soft); padding: 0 0 0.3rem; }
    .color { position: relative; inline-size: 1.8rem; block-size: 1.8rem; border-radius: 50%; cursor: pointer; }
    .color input { position: absolute; inset: 0; opacity: 0; margin: 0; cursor: pointer; }
    .color:has(:checked) { outline: 2px solid var(--ink); outline-offset: 2px; }
    .color:has(:focus-visible) { outline: 2px solid var(--accent); outline-offset: 3px; }
  `];

  @property({ attribute: false }) visitors: Visitors = visitors.initial;
  @property({ attribute: false }) visitor!: Visitor;
  @query('dialog') private readonly dialog!: HTMLDialogElement;

  protected override render(): TemplateResult {
    const here = [...this.visitors.values()];
    const shown = here.slice(0, SHOWN);
    const named = here.slice(0, NAMED);
    return html`
      <ul class="faces" aria-label="Who is here">
        ${shown.map(({ name, color }) => html`<li title=${name} .style=${`background: ${color}`}>
          <span aria-hidden="true">${initials(name)}</span><span class="hidden">${name}</span></li>`)}
        ${here.length > shown.length ? html`<li class="more">+${here.length - shown.length}</li>` : ''}
      </ul>
      <button class="who" @click=${() => { this.dialog.showModal(); }}>
        <span class="swatch" .style=${`background: ${this.visitor.color}`}></span>
        <span class="hidden">You are </span>${this.visitor.name}
      </button>
      <dialog aria-labelledby="you">
        <form method="dialog" @submit=${this.save}>
          <h2 id="you">You</h2>
          <label class="name">Name<input name="name" required maxlength="40" autocomplete="off" .value=${this.visitor.name}></label>
          <fieldset><legend>Color</legend>
            ${Object.entries(COLORS).map(([called, color]) => html`<label class="color" title=${called} .style=${`background: ${color}`}>
              <input type="radio" name="color" value=${color} aria-label=${called} .checked=${color === this.visitor.color}></label>`)}
          </fieldset>
          <button class="main">Done</button>
        </form>
        <section aria-labelledby="here">
          <h2 id="here">Here now</h2>
          ${here.length === 0 ? html`<p>Not known without a connection.</p>` : nothing}
          <ul class="names">${named.map(({ name, color }) => html`<li><span class="swatch" .style=${`background: ${color}`}></span>${name}</li>`)}</ul>
          ${here.length > named.length ? html`<p>and ${here.length - named.length} more</p>` : nothing}
        </section>
      </dialog>
    `;
  }

  private save(event: SubmitEvent): void {
    const said = Object.fromEntries(new FormData(event.currentTarget as HTMLFormElement)) as Record<keyof Visitor, string>;
    const name = said.name.trim();
    if (!name) return;
    this.dispatchEvent(new VisitorEvent(keepVisitor({ name, color: said.color })));
  }
}

function initials(name: string): string {
  const [first = [], second] = name.trim().split(/\s+/).map((word) => [...LETTERS.segment(word)]);
  return [first[0], second?.[0]].map((letter) => letter?.segment).join('');
}
