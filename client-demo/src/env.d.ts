/// <reference types="vite/client" />

/** The page's version, from package.json. */
declare const __VERSION__: string;
