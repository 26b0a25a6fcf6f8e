// What a browser gives the page and Node does not: D3 under its global name.

import * as d3 from 'd3';

/** @type {any} */ (globalThis).d3 = d3;
