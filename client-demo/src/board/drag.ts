// A card on its way between columns, by mouse, touch or keyboard: where it would land, until it does.

import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { BoardCard } from './board-card';

/** A place on the board: before so many others of a column. */
export interface Place {
  readonly column: string;
  readonly index: number;
}

/** A card that is lifted. */
export interface Lifted {
  readonly id: string;
  readonly place: Place;
  /** Where the pointer holds it; none where it goes by the keyboard. */
  readonly held?: { readonly x: number; readonly y: number; readonly width: number };
}

/** What the drag asks of its host. */
export interface DragHost extends ReactiveControllerHost {
  /** Where a card stands. */
  placeOf(id: string): Place | undefined;
  /** The place that is meant by a point on the screen, for a card that is not counted itself. */
  placeAt(x: number, y: number, id: string): Place | undefined;
  /** The place next to one, in the direction of an arrow key. */
  placeBeside(place: Place, key: string, id: string): Place;
  /** The card is let go. */
  dropped(id: string, place: Place): void;
  /** Announced to screen readers. */
  announce(what: 'lifted' | 'moved' | 'dropped' | 'put back', id: string, place: Place): void;
}

/** A mouse that moves less still clicks, in CSS pixels. */
const THRESHOLD = 5;

/** How near to the edge of the window it scrolls, in CSS pixels, and how fast, in pixels a frame. */
const EDGE = 56;
const SPEED = 12;

interface Press {
  readonly id: string;
  readonly pointer: number;
  readonly x: number;
  readonly y: number;
  readonly rect: DOMRect;
}

export class Drag implements ReactiveController {
  lifted: Lifted | undefined;
  #press: Press | undefined;
  #from: Place | undefined;
  #last = { x: 0, y: 0 };
  #frame = 0;

  constructor(private readonly host: DragHost) {
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#end();
  }

  /** Takes hold of a card. Touch holds it at its grip, so that elsewhere the page scrolls. */
  press(event: PointerEvent, card: BoardCard): void {
    if (event.button !== 0 || !event.isPrimary || this.lifted || card.fixed) return;
    const path = event.composedPath();
    const atGrip = path.some((target) => target instanceof HTMLElement && 'grip' in target.dataset);
    const atButton = path.some((target) => target instanceof HTMLButtonElement || target instanceof HTMLTextAreaElement);
    if (atButton || (event.pointerType !== 'mouse' && !atGrip)) return;
    this.#press = {
      id: card.card.id,
      pointer: event.pointerId,
      x: event.clientX,
      y: event.clientY,
      rect: card.getBoundingClientRect(),
    };
    addEventListener('pointermove', this.#move);
    addEventListener('pointerup', this.#release);
    addEventListener('pointercancel', this.#cancel);
    addEventListener('keydown', this.#escape, true);
  }

  /** A key on a card: lifts it, moves it, lets it go. */
  key(event: KeyboardEvent, id: string): void {
    const { lifted } = this;
    if (!lifted) {
      const place = event.key === ' ' ? this.host.placeOf(id) : undefined;
      if (!place) return;
      event.preventDefault();
      this.#from = place;
      this.#lift({ id, place });
      this.host.announce('lifted', id, place);
      return;
    }
    if (lifted.held) return;
    event.preventDefault();
    if (event.key.startsWith('Arrow')) {
      const place = this.host.placeBeside(lifted.place, event.key, id);
      this.#lift({ id, place });
      this.host.announce('moved', id, place);
    } else if (event.key === ' ' || event.key === 'Enter') {
      this.#drop();
    } else if (event.key === 'Escape') {
      this.putBack();
    }
  }

  /** Lets the card go where it came from. */
  putBack(): void {
    const { lifted } = this;
    if (lifted && this.#from) this.host.announce('put back', lifted.id, this.#from);
    this.#end();
  }

  readonly #move = (event: PointerEvent): void => {
    const press = this.#press;
    if (event.pointerId !== press?.pointer) return;
    const far = Math.hypot(event.clientX - press.x, event.clientY - press.y) >= THRESHOLD;
    if (!this.lifted && !far) return;
    event.preventDefault();
    this.#last = { x: event.clientX, y: event.clientY };
    if (!this.lifted) {
      this.#from = this.host.placeOf(press.id);
      this.#frame = requestAnimationFrame(this.#scroll);
    }
    this.#follow(press);
  };

  /** The card follows the pointer. */
  #follow({ id, x, y, rect }: Press): void {
    const place = this.host.placeAt(this.#last.x, this.#last.y, id) ?? this.lifted?.place ?? this.#from;
    if (!place) return;
    const held = { x: rect.x + this.#last.x - x, y: rect.y + this.#last.y - y, width: rect.width };
    this.#lift({ id, place, held });
  }

  /** Near the upper and lower edge the page moves along. */
  readonly #scroll = (): void => {
    const press = this.#press;
    if (!press || !this.lifted) return;
    const { y } = this.#last;
    const step = y < EDGE ? -SPEED : y > innerHeight - EDGE ? SPEED : 0;
    if (step !== 0) {
      scrollBy(0, step);
      this.#follow(press);
    }
    this.#frame = requestAnimationFrame(this.#scroll);
  };

  readonly #release = (event: PointerEvent): void => {
    if (event.pointerId !== this.#press?.pointer) return;
    if (this.lifted) this.#drop();
    else this.#end();
  };

  readonly #cancel = (event: PointerEvent): void => {
    if (event.pointerId === this.#press?.pointer) this.putBack();
  };

  readonly #escape = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !this.lifted) return;
    event.stopPropagation();
    this.putBack();
  };

  #lift(lifted: Lifted): void {
    this.lifted = lifted;
    this.host.requestUpdate();
  }

  #drop(): void {
    const { lifted } = this;
    const from = this.#from;
    this.#end();
    if (!lifted) return;
    this.host.announce('dropped', lifted.id, lifted.place);
    const isSame = lifted.place.column === from?.column && lifted.place.index === from.index;
    if (!isSame) this.host.dropped(lifted.id, lifted.place);
  }

  #end(): void {
    removeEventListener('pointermove', this.#move);
    removeEventListener('pointerup', this.#release);
    removeEventListener('pointercancel', this.#cancel);
    removeEventListener('keydown', this.#escape, true);
    cancelAnimationFrame(this.#frame);
    this.#press = undefined;
    this.#from = undefined;
    this.lifted = undefined;
    this.host.requestUpdate();
  }
}
