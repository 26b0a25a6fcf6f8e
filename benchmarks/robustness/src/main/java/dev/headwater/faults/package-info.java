/** The bench of faults: kills, full disks, races, lies and slow clients. */
@NullMarked
package dev.headwater.faults;

import org.jspecify.annotations.NullMarked;
