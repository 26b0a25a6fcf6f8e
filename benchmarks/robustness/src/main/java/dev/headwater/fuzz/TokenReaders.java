package dev.headwater.fuzz;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.files.BoundedJson;
import dev.headwater.engine.jinja.Template;
import dev.headwater.engine.tokens.Conversation;
import dev.headwater.engine.tokens.GenerationConfig;
import dev.headwater.engine.tokens.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Tokenizers and what turns conversations into text. */
final class TokenReaders {
    /** Spaces, digits, letters of several scripts, a combining mark, half of what a byte-level tokenizer cuts. */
    static final String TEXT = "Hello ab, aé\ud83d\ude00 b!  12345\n\tÅe\u0301 \u6f22\u5b57 <|x|> it's";

    private static final Clock CLOCK = Clock.fixed(Instant.EPOCH, ZoneOffset.UTC);

    /** Smallest of the byte-level kind, for what lies beside it. */
    private static final String SOUND = """
            {"version":"1.0","truncation":null,"padding":null,"added_tokens":[
             {"id":4,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],
             "normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},
             "post_processor":null,"decoder":{"type":"ByteLevel"},
             "model":{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,
             "fuse_unk":false,"byte_fallback":false,"vocab":{"a":0,"b":1,"Ġ":2,"ab":3},"merges":["a b"]}}""";

    private TokenReaders() {}

    private static void use(Tokenizer tokenizer) {
        try {
            int[] ids = tokenizer.encode(TEXT, true);
            tokenizer.decode(ids);
            tokenizer.withLeadingSpecial(ids);
            for (int id : ids) {
                tokenizer.bytes(id);
            }
        } catch (HeadwaterException refusal) {
            Rule.sentence(refusal);
        }
    }

    static final class TokenizerJson implements Reader {
        private final Scratch scratch = new Scratch();

        @Override
        public void read(byte[] input) throws IOException {
            scratch.write("tokenizer.json", input);
            use(Tokenizer.open(scratch.directory()));
        }

        @Override
        public void close() throws IOException {
            scratch.close();
        }
    }

    /** Four files beside a sound tokenizer.json. */
    static final class Config implements Reader {
        private final Scratch scratch = new Scratch();

        Config() throws IOException {
            scratch.write("tokenizer.json", SOUND);
            scratch.write("config.json", "{\"model_type\":\"gpt2\"}");
        }

        @Override
        public void read(byte[] input) throws IOException {
            List<byte[]> files = Scratch.parts(input, 4);
            scratch.write("tokenizer_config.json", files.get(0));
            scratch.write(
                    "special_tokens_map.json",
                    files.get(1).length == 0 ? "{}".getBytes(StandardCharsets.UTF_8) : files.get(1));
            scratch.write(
                    "added_tokens.json",
                    files.get(2).length == 0 ? "{}".getBytes(StandardCharsets.UTF_8) : files.get(2));
            scratch.write("generation_config.json", files.get(3));
            if (files.get(3).length > 0) {
                GenerationConfig.read(scratch.directory());
            }
            Tokenizer tokenizer = Tokenizer.open(scratch.directory());
            use(tokenizer);
            tokenizer.chatTemplate().render(Conversation.of(List.of()));
        }

        @Override
        public void close() throws IOException {
            scratch.close();
        }
    }

    static final class ChatTemplates implements Reader {
        private static final Map<String, Object> VARIABLES = variables();
        /** Of the work that a rendering is granted, so that templates that use up all of it leave time for others. */
        private static final int SHARE = 40;

        private static Map<String, Object> variables() {
            Map<String, Object> variables = new LinkedHashMap<>();
            variables.put(
                    "messages",
                    List.of(
                            Map.of("role", "system", "content", "Be brief."),
                            Map.of("role", "user", "content", List.of(Map.of("type", "text", "text", "Hi")))));
            variables.put("tools", null);
            variables.put("bos_token", "<s>");
            variables.put("add_generation_prompt", true);
            variables.put("l", List.of(3, 1, 2));
            variables.put("d", Map.of("a", 1));
            variables.put("x", 3);
            return variables;
        }

        @Override
        public void read(byte[] input) {
            Template.parse(new String(input, StandardCharsets.UTF_8)).render(VARIABLES, CLOCK, SHARE);
        }

        @Override
        public Duration longest() {
            return Duration.ofMillis(200);
        }
    }

    /** Messages, tools and documents in JSON, through a template that writes all of them out. */
    static final class Conversations implements Reader {
        private static final Template TEMPLATE = Template.parse(
                "{% for m in messages %}{{ m | tojson }}{{ m.content }}{{ m.tool_calls }}{% endfor %}{{ tools }}{{ documents | tojson }}");

        @Override
        public void read(byte[] input) throws IOException {
            Conversation conversation;
            try {
                conversation =
                        Conversation.read(BoundedJson.mapper().readTree(new String(input, StandardCharsets.UTF_8)));
            } catch (JsonProcessingException e) {
                return; // Its reader, of batch lines and of files, says so; see the reader of batches.
            }
            conversation.lastQuestion();
            Map<String, Object> variables = new LinkedHashMap<>();
            variables.put("tools", null);
            variables.put("documents", null);
            variables.putAll(conversation.options());
            variables.put("messages", conversation.messages());
            TEMPLATE.render(variables, CLOCK);
        }
    }
}
