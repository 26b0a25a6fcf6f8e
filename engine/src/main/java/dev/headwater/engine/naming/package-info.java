/**
 * Names of features and of groups of them by a language model that the user names, held against the names that follow from the
 * evidence: a name is taken where it tells better than the other in which of some contexts, kept back until then, the features fire.
 *
 * <p>Texts of features, and answers of the service, are hostile. Of an answer nothing is taken but a name, bounded and on one line, or
 * a list of zeros and ones.
 */
@NullMarked
package dev.headwater.engine.naming;

import org.jspecify.annotations.NullMarked;
