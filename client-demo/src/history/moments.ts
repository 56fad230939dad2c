// How moments are written.

import { history } from './history';

/** Goes up: the board is to be looked at as it was after so many of its events; undefined is now. */
export class MomentEvent extends CustomEvent<{ readonly moment: number | undefined }> {
  static readonly type = 'moment';

  constructor(moment: number | undefined) {
    super(MomentEvent.type, { bubbles: true, composed: true, detail: { moment } });
  }
}

/** Nothing has happened. */
export const { initial } = history;

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** The time of day; with the day where it was another. */
export function timeOf(time: number): string {
  const isToday = new Date(time).toDateString() === new Date().toDateString();
  return isToday ? CLOCK.format(time) : `${DAY.format(time)} ${CLOCK.format(time)}`;
}

declare global {
  interface HTMLElementEventMap {
    moment: MomentEvent;
  }
}
