package dev.headwater.engine.tokens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.UsageException;
import dev.headwater.engine.hub.BundledModel;
import dev.headwater.engine.tokens.ChatTemplate.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Templates built of the same parts as the families' own, and the formats that the families document. */
class ChatTemplateTest {
    private static final Clock CLOCK = Clock.fixed(Instant.parse("2024-07-26T09:05:03Z"), ZoneOffset.UTC);
    private static final List<Message> ASK = List.of(new Message("user", " Where is Dallas? \n"));
    private static final List<Message> TALK = List.of(
            new Message("system", "Be brief."),
            new Message("user", "Where is Dallas?"),
            new Message("assistant", "<think>\nTexas, surely.\n</think>\n\nIn Texas."),
            new Message("user", "And Lyon?"));

    private static final String CHATML = """
            {% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}
            {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
            """;

    private static final String LLAMA_3 = """
            {{- bos_token }}
            {%- if not date_string is defined %}
                {%- if strftime_now is defined %}{%- set date_string = strftime_now("%d %b %Y") %}{%- endif %}
            {%- endif %}
            {#- The system turn is always there. #}
            {%- if messages[0]['role'] == 'system' %}
                {%- set system_message = messages[0]['content']|trim %}
                {%- set messages = messages[1:] %}
            {%- else %}
                {%- set system_message = "" %}
            {%- endif %}
            {{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
            {%- if builtin_tools is defined or tools is not none %}
                {{- "Environment: ipython\\n" }}
            {%- endif %}
            {{- "Cutting Knowledge Date: December 2023\\n" }}
            {{- "Today Date: " + date_string + "\\n\\n" }}
            {{- system_message }}
            {{- "<|eot_id|>" }}
            {%- for message in messages %}
                {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
                    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
                {%- elif message.tool_calls|length != 1 %}
                    {{- raise_exception("One tool call at a time") }}
                {%- endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}
                {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
            {%- endif %}
            """;

    private static final String GEMMA_3 = """
            {{ bos_token }}
            {%- if messages[0]['role'] == 'system' -%}
                {%- if messages[0]['content'] is string -%}
                    {%- set prefix = messages[0]['content'] + '\\n\\n' -%}
                {%- else -%}
                    {%- set prefix = messages[0]['content'][0]['text'] + '\\n\\n' -%}
                {%- endif -%}
                {%- set turns = messages[1:] -%}
            {%- else -%}
                {%- set prefix = "" -%}
                {%- set turns = messages -%}
            {%- endif -%}
            {%- for message in turns -%}
                {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
                    {{ raise_exception("Roles must alternate") }}
                {%- endif -%}
                {%- set role = "model" if message['role'] == 'assistant' else message['role'] -%}
                {{ '<start_of_turn>' + role + '\\n' + (prefix if loop.first else "") }}
                {%- if message['content'] is string -%}
                    {{ message['content'] | trim }}
                {%- elif message['content'] is iterable -%}
                    {%- for item in message['content'] -%}{{ item['text'] | trim }}{%- endfor -%}
                {%- endif -%}
                {{ '<end_of_turn>\\n' }}
            {%- endfor -%}
            {%- if add_generation_prompt -%}
                {{'<start_of_turn>model\\n'}}
            {%- endif -%}
            """;

    private static final String QWEN_3 = """
            {%- if messages[0].role == 'system' %}
                {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
            {%- endif %}
            {%- set ns = namespace(searching=true, last_query=messages|length - 1) %}
            {%- for message in messages[::-1] %}
                {%- set index = (messages|length - 1) - loop.index0 %}
                {%- if ns.searching and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
                    {%- set ns.searching = false %}
                    {%- set ns.last_query = index %}
                {%- endif %}
            {%- endfor %}
            {%- for message in messages %}
                {%- set content = message.content if message.content is string else '' %}
                {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
                    {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
                {%- elif message.role == "assistant" %}
                    {%- set thought = '' %}
                    {%- if '</think>' in content %}
                        {%- set thought = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
                        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
                    {%- endif %}
                    {%- if loop.index0 > ns.last_query and (loop.last or thought) %}
                        {{- '<|im_start|>' + message.role + '\\n<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
                    {%- else %}
                        {{- '<|im_start|>' + message.role + '\\n' + content }}
                    {%- endif %}
                    {{- '<|im_end|>\\n' }}
                {%- endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}
                {{- '<|im_start|>assistant\\n' }}
                {%- if enable_thinking is defined and enable_thinking is false %}
                    {{- '<think>\\n\\n</think>\\n\\n' }}
                {%- endif %}
            {%- endif %}
            """;

    @TempDir
    Path directory;

    @Test
    void chatML() throws IOException {
        assertEquals("<|im_start|>user\n Where is Dallas? \n<|im_end|>\n<|im_start|>assistant\n", render(CHATML, ASK));
    }

    @Test
    void llama3() throws IOException {
        assertEquals("""
                <|bos|><|start_header_id|>system<|end_header_id|>

                Cutting Knowledge Date: December 2023
                Today Date: 26 Jul 2024

                <|eot_id|><|start_header_id|>user<|end_header_id|>

                Where is Dallas?<|eot_id|><|start_header_id|>assistant<|end_header_id|>

                """, render(LLAMA_3, ASK));
    }

    @Test
    void gemma() throws IOException {
        assertEquals(
                "<|bos|><start_of_turn>user\nWhere is Dallas?<end_of_turn>\n<start_of_turn>model\n",
                render(GEMMA_3, ASK));
        assertEquals("""
                <|bos|><start_of_turn>user
                Be brief.

                Where is Dallas?<end_of_turn>
                <start_of_turn>model
                <think>
                Texas, surely.
                </think>

                In Texas.<end_of_turn>
                <start_of_turn>user
                And Lyon?<end_of_turn>
                <start_of_turn>model
                """, render(GEMMA_3, TALK));
        var e = assertThrows(
                HeadwaterException.class,
                () -> render(GEMMA_3, TALK.subList(1, 3).reversed()));
        assertTrue(e.getMessage().contains("it refuses these messages: Roles must alternate"), e.getMessage());
    }

    @Test
    void qwen3LeavesEarlierThoughtsOut() throws IOException {
        assertEquals("""
                <|im_start|>system
                Be brief.<|im_end|>
                <|im_start|>user
                Where is Dallas?<|im_end|>
                <|im_start|>assistant
                In Texas.<|im_end|>
                <|im_start|>user
                And Lyon?<|im_end|>
                <|im_start|>assistant
                """, render(QWEN_3, TALK));
        assertTrue(render(QWEN_3, TALK.subList(0, 3))
                .endsWith("<|im_start|>assistant\n<think>\nTexas, surely.\n</think>\n\nIn Texas."));
    }

    /**
     * Templates of published models, cut down to what these conversations reach, against {@code apply_chat_template} of transformers
     * 5.24 with {@code continue_final_message} where the last turn is the assistant's.
     */
    @TestFactory
    Stream<DynamicTest> publishedTemplatesRenderAsApplyChatTemplateDoes() throws IOException {
        JsonNode cases = new ObjectMapper().readTree(ChatTemplateTest.class.getResourceAsStream("chat-templates.json"));
        return StreamSupport.stream(cases.get("templates").spliterator(), false)
                .flatMap(row -> row.get("forms").properties().stream()
                        .map(form -> DynamicTest.dynamicTest(
                                row.get("name").asText() + ", " + form.getKey(),
                                () -> rendersAs(
                                        row.get("template").asText(),
                                        cases.get("conversations").get(form.getKey()),
                                        form.getValue()))));
    }

    private void rendersAs(String template, JsonNode conversation, JsonNode expected) throws IOException {
        Map<String, Object> config = new LinkedHashMap<>(
                Map.of("bos_token", "<s>", "eos_token", "</s>", "pad_token", "<pad>", "unk_token", "<unk>"));
        config.put("chat_template", template);
        new ObjectMapper().writeValue(directory.resolve("tokenizer_config.json").toFile(), config);
        if (expected.isTextual()) {
            assertEquals(expected.asText(), read().render(Conversation.read(conversation), CLOCK));
        } else {
            assertThrows(HeadwaterException.class, () -> read().render(Conversation.read(conversation), CLOCK));
        }
    }

    @Test
    void messagesKeepTheOrderOfTheirKeys() throws IOException {
        config(
                "{{ bos_token }}{% for m in messages %}{{ m | tojson }}{% for k, v in m.items() %}<{{ k }}>{{ v }}{% endfor %}{% endfor %}");
        assertEquals(
                "<|bos|>{\"role\": \"user\", \"content\": \"Paris is near\"}<role>user<content>Paris is near",
                read().render(Conversation.of(List.of(new Message("user", "Paris is near")))));
        assertEquals(
                "<|bos|>{\"name\": \"n\", \"content\": \"c\", \"role\": \"user\"}<name>n<content>c<role>user",
                read().render(conversation("[{'name': 'n', 'content': 'c', 'role': 'user'}]")));
    }

    @Test
    void anAnswerThatIsBegunIsGoneOnWith() throws IOException {
        config(CHATML);
        assertEquals(
                "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nIt is ",
                read().render(conversation(
                        "[{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'It is '}]")));
        assertEquals("<|im_start|>assistant\n", read().render(conversation("[{'role': 'assistant', 'content': ''}]")));
        config("{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}{% endfor %}");
        assertEquals("[assistant]It is", read().render(conversation("[{'role': 'assistant', 'content': 'It is '}]")));
        config("{% for m in messages %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endfor %}");
        assertEquals(
                "ab",
                read().render(conversation(
                        "[{'role': 'assistant', 'content': [{'text': 'a'}, {'text': 'b'}, {'type': 'image'}]}]")));
        for (String template : List.of("nothing of it", "{{ messages[-1].content | upper }}")) {
            config(template);
            var e = assertThrows(
                    HeadwaterException.class,
                    () -> read().render(conversation("[{'role': 'assistant', 'content': 'It is'}]")));
            assertTrue(e.getMessage().contains("leaves out the beginning of the answer"), e.getMessage());
        }
        assertThrows(UsageException.class, () -> read().render(conversation("[{'role': 'assistant', 'content': []}]")));
    }

    @Test
    void toolsAndSwitchesReachTheTemplate() throws IOException {
        config(List.of(
                Map.of(
                        "name",
                        "default",
                        "template",
                        "{{ enable_thinking is defined and enable_thinking }}{{ tools }}"),
                Map.of("name", "tool_use", "template", "{{ tools[0].name }}")));
        assertEquals("FalseNone", read().render(conversation("[{'role': 'user', 'content': 'x'}]")));
        assertEquals(
                "TrueNone",
                read().render(
                                conversation(
                                        "{'messages': [{'role': 'user', 'content': 'x'}], 'chat_template_kwargs': {'enable_thinking': true}}")));
        Conversation tools = conversation("{'messages': [{'role': 'user', 'content': 'x'}], 'tools': [{'name': 'f'}]}");
        assertEquals("f", read().render(tools));
        assertTrue(read().reads(tools, "tools"));
        assertFalse(read().reads(tools, "enable_thinking"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[]",
                "{}",
                "3",
                "[3]",
                "[{}]",
                "[{'role': 3, 'content': 'x'}]",
                "[{'role': 'user'}]",
                "[{'role': 'user', 'content': 3}]",
                "{'messages': [{'role': 'user', 'content': 'x'}], 'chat_template_kwargs': 3}",
                "{'messages': [{'role': 'user', 'content': 'x'}], 'chat_template_kwargs': {'messages': []}}"
            })
    void whatIsNoConversationIsRefused(String json) {
        assertThrows(UsageException.class, () -> conversation(json));
    }

    private static Conversation conversation(String json) throws IOException {
        return Conversation.read(new ObjectMapper().readTree(json.replace('\'', '"')));
    }

    @Test
    void theTemplateFileComesBeforeTheConfiguration() throws IOException {
        config("from the configuration");
        assertEquals("from the configuration", read().render(Conversation.of(ASK)));
        config(List.of(
                Map.of("name", "tool_use", "template", "tools"),
                Map.of("name", "default", "template", "from the list")));
        assertEquals("from the list", read().render(Conversation.of(ASK)));
        Files.writeString(directory.resolve("chat_template.jinja"), "from the file\n");
        assertEquals("from the file", read().render(Conversation.of(ASK)));
    }

    @Test
    void aModelWithoutOneSaysSo() {
        Tokenizer tokenizer = Tokenizer.open(BundledModel.directory("atlas"));
        var e = assertThrows(HeadwaterException.class, tokenizer::chatTemplate);
        assertTrue(e.getMessage().contains("has no chat template"), e.getMessage());
    }

    @Test
    void aConversationIsTokenizedWithItsSpecialTokens() throws IOException {
        Path model = BundledModel.directory("atlas");
        Files.copy(model.resolve("tokenizer.json"), directory.resolve("tokenizer.json"));
        Files.writeString(
                directory.resolve("tokenizer_config.json"),
                "{\"bos_token\":\"<bos>\",\"eos_token\":\"<eos>\",\"chat_template\":\"{{ bos_token }}{{ messages[0].content }}{{ eos_token }}\"}");
        Tokenizer tokenizer = Tokenizer.open(directory);
        int[] ids = tokenizer.encode(
                tokenizer.chatTemplate().render(Conversation.of(List.of(new Message("user", "Fact: Dallas")))), false);
        assertEquals(
                List.of("<bos>", "Fact", ":", " Dallas", "<eos>"),
                java.util.Arrays.stream(ids).mapToObj(tokenizer::token).toList());
        assertArrayEquals(ids, tokenizer.withLeadingSpecial(ids));
    }

    @Test
    void instructionTunedGemma3HasFourZeroPositions() {
        assertEquals(1, ZeroPositions.of("google/gemma-2-2b").count());
        assertEquals(1, ZeroPositions.of("google/gemma-3-4b-pt").count());
        assertEquals(4, ZeroPositions.of("google/gemma-3-4b-it").count());
        ZeroPositions.of("google/gemma-3-4b-it").check(new int[] {2, 105, 2364, 107, 9});
        ZeroPositions.of("google/gemma-2-2b-it").check(new int[] {7});
        for (int[] ids : List.of(new int[] {2, 105, 2364}, new int[] {}, new int[] {2, 5, 6, 7, 8})) {
            var e = assertThrows(
                    UsageException.class,
                    () -> ZeroPositions.of("google/gemma-3-4b-it").check(ids));
            assertTrue(e.getMessage().contains("2, 105, 2364, 107"), e.getMessage());
        }
    }

    private String render(String template, List<Message> messages) throws IOException {
        config(template);
        return read().render(Conversation.of(messages), CLOCK);
    }

    private void config(Object template) throws IOException {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("bos_token", "<|bos|>");
        config.put("chat_template", template);
        new ObjectMapper().writeValue(directory.resolve("tokenizer_config.json").toFile(), config);
    }

    private ChatTemplate read() {
        return ChatTemplate.read(
                directory,
                new SpecialTokens(
                        OptionalInt.empty(),
                        OptionalInt.empty(),
                        OptionalInt.empty(),
                        new LinkedHashSet<>(),
                        TokenizerConfig.read(directory).roles()));
    }
}
