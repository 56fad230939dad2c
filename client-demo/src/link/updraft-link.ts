// The element at the root: events bubble up to it, state comes down from it.

import { LitElement, css, html, type PropertyValues, type TemplateResult } from 'lit';
import { CallEvent, SwitchEvent } from './events';
import { LinkController, type LinkOptions } from './link-controller';
import type { LinkState } from './state';
import { StreamEvent } from './streams';

/** Longest that news wait, also in a tab that is not seen, in milliseconds. */
const UNSEEN = 250;

/** An element below the link that takes what comes down. */
export interface Linked extends Element {
  link?: LinkState;
}

/**
 * `<updraft-link>` emits the calls that bubble up to it, and hands its children the state that comes down, as
 * their property `link`.
 *
 *     const link = new UpdraftLink({ topics: { board } });
 *     link.append(document.createElement('my-app'));
 */
export class UpdraftLink extends LitElement {
  static override styles = css`
    :host { display: contents; }
  `;

  readonly #link: LinkController;

  constructor(options: LinkOptions = {}) {
    super();
    this.#link = new LinkController(this, options);
    this.addEventListener(CallEvent.type, (event) => { this.#link.call(event); });
    this.addEventListener(StreamEvent.type, (event) => { this.#link.stream(event); });
    this.addEventListener(SwitchEvent.type, (event) => {
      this.#link.switch((event).detail.offline);
    });
  }

  /** However much arrives, it is handed down once a frame; in a hidden tab, from time to time. */
  protected override async scheduleUpdate(): Promise<void> {
    await new Promise((done) => {
      requestAnimationFrame(done);
      setTimeout(done, UNSEEN);
    });
    await super.scheduleUpdate();
  }

  protected override render(): TemplateResult {
    return html`<slot @slotchange=${() => { this.requestUpdate(); }}></slot>`;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const { state } = this.#link;
    for (const child of this.children as HTMLCollectionOf<Linked>) child.link = state;
  }
}

customElements.define('updraft-link', UpdraftLink);

declare global {
  interface HTMLElementTagNameMap {
    'updraft-link': UpdraftLink;
  }
}
