package dev.headwater.engine.features;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.headwater.engine.files.BoundedJson;
import java.io.IOException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FeatureLabelsTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "fires on one token | [{'tokens_acts_list':[0,2,0],'tokens':['a',' Texas','b']},{'tokens_acts_list':[0,1],'tokens':['a',' Texas']}] | ['x'] | Texas",
                "promotes what comes next | [{'tokens_acts_list':[0,2,0],'tokens':['a',' is',' Austin']}] | ['x',' Austin'] | is → Austin",
                "three tokens at most, the strongest first | [{'tokens_acts_list':[1],'tokens':['a']},{'tokens_acts_list':[4],'tokens':['b']},{'tokens_acts_list':[3],'tokens':['c']},{'tokens_acts_list':[2],'tokens':['d']}] | [] | b, c, d",
                "weak tokens are not named | [{'tokens_acts_list':[9],'tokens':['a']},{'tokens_acts_list':[0.1],'tokens':['b']}] | [] | a",
                "never fired | [] | [' say','x'] | → say",
                "spaces and line ends | [{'tokens_acts_list':[1],'tokens':[' ']}] | [] | ␣",
                "no evidence | [] | [] | ``",
                "lists that do not fit | [{'tokens_acts_list':[1,7],'tokens':['a']},3] | [5] | ``",
            })
    void labelsSayWhatFeaturesFireOnAndPromote(String what, String examples, String outputs, String label)
            throws IOException {
        String record = "{'examples_quantiles':[{'examples':%s}],'top_logits':%s}"
                .formatted(examples, outputs)
                .replace('\'', '"');
        assertEquals(label, FeatureLabels.of(BoundedJson.mapper().readTree(record)), what);
    }
}
