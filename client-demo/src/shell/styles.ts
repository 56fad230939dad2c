// What elements share in looks. Colors and sizes come from tokens.css.

import { css } from 'lit';

export const visuallyHidden = css`
  .hidden {
    position: absolute; inline-size: 1px; block-size: 1px; margin: -1px; padding: 0; overflow: hidden;
    clip-path: inset(50%); white-space: nowrap; border: 0;
  }
`;

export const control = css`
  button, input, textarea, select { font: inherit; color: inherit; letter-spacing: inherit; }
  button {
    display: inline-flex; align-items: center; justify-content: center; gap: 0.4rem; min-block-size: 2.25rem;
    padding: 0 0.85rem; border: 1px solid var(--line); border-radius: 8px; background: var(--card); cursor: pointer;
  }
  button:hover { border-color: var(--faint); }
  button.quiet { border-color: transparent; background: transparent; color: var(--soft); padding: 0; inline-size: 2.25rem; }
  button.quiet:hover { background: var(--hover); color: var(--ink); }
  button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 550; }
  button.main:hover { background: var(--accent-strong); }
  button:disabled { opacity: 0.5; cursor: default; }
  input:not([type='range'], [type='checkbox'], [type='radio'], [type='color']), textarea, select {
    min-inline-size: 0; min-block-size: 2.25rem; box-sizing: border-box; padding: 0.3rem 0.65rem;
    border: 1px solid var(--line); border-radius: 8px; background: var(--card);
  }
  ::placeholder { color: var(--soft); opacity: 1; }
  :is(button, input, textarea, select, summary, a):focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
  input[type='range'] { border-radius: 8px; }
  input[type='range'], input[type='checkbox'], input[type='radio'] { accent-color: var(--accent); }
  a { color: var(--accent); }
`;

export const panel = css`
  .panel { background: var(--column); border-radius: var(--radius-large); padding: 1rem; }
  h2 { margin: 0; font-size: 0.95rem; font-weight: 650; letter-spacing: -0.005em; }
`;
