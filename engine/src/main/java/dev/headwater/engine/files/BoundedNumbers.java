package dev.headwater.engine.files;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ValueNode;
import dev.headwater.engine.HeadwaterException;
import java.math.BigDecimal;

/**
 * Numbers of JSON trees as they were written, with exponents that a reader can live with: to make a whole number of
 * 1e999999999 takes all memory there is.
 */
public final class BoundedNumbers extends JsonNodeFactory {
    private static final long serialVersionUID = 1;
    private static final int LARGEST_SCALE = 10_000;

    public BoundedNumbers() {
        super(true);
    }

    /** @throws HeadwaterException if the exponent is out of bounds */
    @Override
    public ValueNode numberNode(BigDecimal number) {
        if (number != null && (number.scale() > LARGEST_SCALE || number.scale() < -LARGEST_SCALE)) {
            throw new HeadwaterException("A number has an exponent that is out of all bounds");
        }
        return super.numberNode(number);
    }
}
