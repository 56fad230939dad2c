// What the board is about.

/** What visitors say of themselves. */
export interface Visitor {
  readonly name: string;
  /** As in `#2f7d5b`. */
  readonly color: string;
}

export interface Card {
  readonly id: string;
  readonly title: string;
  readonly column: string;
  /** Cards of lower rank stand above. */
  readonly rank: number;
  /** The author of the last change, if given. */
  readonly by?: Visitor;
}

export interface Column {
  readonly name: string;
  readonly title: string;
}

/** The columns that are there without any card. */
export const COLUMNS: readonly Column[] = [
  { name: 'todo', title: 'To do' },
  { name: 'doing', title: 'Doing' },
  { name: 'done', title: 'Done' },
];

/** Longest title, in UTF-8 bytes as the server counts, kept to with a margin by counting characters. */
export const MAX_TITLE = 120;
