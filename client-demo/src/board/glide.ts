// Cards glide to where they belong, after any visitor's change.

const MOVED = { duration: 220, easing: 'cubic-bezier(0.2, 0.8, 0.2, 1)' };
const CAME = { duration: 160, easing: 'ease-out' };

/** So many cards do not glide: it would be slow, and impossible to follow. */
const MANY = 150;

/** Where each card was, by its id. */
export type Places = ReadonlyMap<string, DOMRect>;

/** Where the cards are now. */
export function look(cards: Iterable<HTMLElement>): Places {
  return new Map([...cards].map((card) => [card.dataset['id'] ?? '', card.getBoundingClientRect()]));
}

/** Lets cards glide from where they were. The one that is being dragged is left alone. */
export function glide(cards: Iterable<HTMLElement>, before: Places, held: string | undefined): void {
  if (before.size > MANY || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  for (const card of cards) {
    const id = card.dataset['id'] ?? '';
    if (id === held) continue;
    const was = before.get(id);
    if (!was) {
      card.animate([{ opacity: 0, scale: 0.97 }, {}], CAME);
      continue;
    }
    const is = card.getBoundingClientRect();
    const [x, y] = [was.x - is.x, was.y - is.y];
    if (Math.abs(x) + Math.abs(y) >= 1) card.animate([{ translate: `${String(x)}px ${String(y)}px` }, { translate: '0 0' }], MOVED);
  }
}
