package dev.headwater.engine.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BoundedJsonTest {
    enum Kind {
        ONE,
        OTHER
    }

    record Part(Map<String, Double> seconds, int[] numbers) {}

    record Whole(String text, int count, boolean flag, List<Part> parts, Kind kind) {}

    /** The library names classes of Java's, which say nothing to who wrote the file. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            {'parts':[{'seconds':5}]}          | 'parts[0].seconds' should be an object
            {'parts':[{},{'seconds':['a']}]}   | 'parts[1].seconds' should be an object
            {'parts':[{'seconds':{'a':'b'}}]}  | 'parts[0].seconds.a' should be a number
            {'parts':[{'numbers':{}}]}         | 'parts[0].numbers' should be a list
            {'parts':{}}                       | 'parts' should be a list
            {'parts':[1]}                      | 'parts[0]' should be an object
            {'text':{}}                        | 'text' should be text
            {'count':[]}                       | 'count' should be a number
            {'count':'x'}                      | 'count' should be a number
            {'flag':[]}                        | 'flag' should be true or false
            {'kind':'third'}                   | 'kind' should be one of ONE, OTHER
            {'parts':[{'other':1}]}            | 'parts[0].other' is not known here
            []                                 | it should be an object
            {'text':'a                         | it ends too early
            {'parts':[                         | it ends too early
            {} {}                              | there is more behind its end
            """)
    void whatIsOfTheWrongKindIsNamed(String json, String sentence) {
        JsonProcessingException malformed = assertThrows(
                JsonProcessingException.class,
                () -> BoundedJson.mapper().readValue(json.replace('\'', '"'), Whole.class));
        assertEquals(sentence, BoundedJson.cause(malformed));
    }
}
