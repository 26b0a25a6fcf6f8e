/** What commands print: tables, JSON, progress. */
@NullMarked
package dev.headwater.cli.report;

import org.jspecify.annotations.NullMarked;
