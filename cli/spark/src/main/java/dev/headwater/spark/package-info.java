/**
 * Batches on Apache Spark: the driver that spark-submit starts, the work of its executors, and Hadoop's file systems. Spark brings
 * Spark and Hadoop; what is Headwater's alone is in {@code dev.headwater.cli.command}.
 */
@NullMarked
package dev.headwater.spark;

import org.jspecify.annotations.NullMarked;
