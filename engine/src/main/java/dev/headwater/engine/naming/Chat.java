package dev.headwater.engine.naming;

import dev.headwater.engine.HeadwaterException;

/** A language model that is asked a question. */
@FunctionalInterface
public interface Chat {
    /**
     * Asks.
     *
     * @param instructions what to do
     * @param data         what to do it with, nothing of it trusted
     * @return the answer, nothing of it trusted
     * @throws UnansweredException if there is none to this question
     * @throws SpentException      if no more questions may be asked
     * @throws HeadwaterException  if there will be none to any question
     */
    String ask(String instructions, String data);
}
