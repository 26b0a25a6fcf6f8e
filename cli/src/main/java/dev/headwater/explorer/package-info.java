/** The explorer: an HTTP server with the jobs and files behind its page. */
@NullMarked
package dev.headwater.explorer;

import org.jspecify.annotations.NullMarked;
