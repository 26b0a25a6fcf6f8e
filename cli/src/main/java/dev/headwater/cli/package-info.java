/** The command line: its commands by name, and what an error looks like. */
@NullMarked
package dev.headwater.cli;

import org.jspecify.annotations.NullMarked;
