package dev.headwater.engine.transcoder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.headwater.bindings.Device;
import dev.headwater.engine.HeadwaterException;
import dev.headwater.engine.hub.Reference;
import dev.headwater.engine.hub.SetFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the beginning of one file tells of a set, beside the whole set. */
class SetOutlineTest {
    private static final Reference.Remote SET = new Reference.Remote("org/set", "", "main");

    @ParameterizedTest
    @MethodSource("dev.headwater.engine.transcoder.GoldenCase#names")
    void theFirstFileTellsTheSize(String name) throws IOException {
        Path directory = GoldenCase.transcoders(name);
        String first = SetFiles.first(SET, directory).path();
        byte[] head;
        try (InputStream in = Files.newInputStream(directory.resolve(first))) {
            head = in.readNBytes(SetOutline.HEAD_BYTES);
        }
        try (TranscoderSet set = TranscoderSet.open(directory, Device.CPU)) {
            SetOutline outline =
                    SetOutline.of(directory, first, head, Files.size(directory.resolve(first)), set.width());
            if (first.endsWith(".npz")) {
                // An archive's own bytes, which count for little in a large file.
                assertEquals(set.features(), outline.features(), 0.05 * set.features(), name);
                assertEquals(SetOutline.of(set), new SetOutline(outline.kind(), set.features(), outline.k()), name);
            } else {
                assertEquals(SetOutline.of(set), outline, name);
            }
        }
    }

    @Test
    void theFirstFileMayLieInAnotherRepository(@TempDir Path directory) throws IOException {
        Files.writeString(
                directory.resolve("config.yaml"),
                "transcoders:\n- hf://org/other/a/params.npz?revision=v1\n- layer_1.npz\n");
        assertEquals(new Reference.Remote("org/other", "a/params.npz", "v1"), SetFiles.first(SET, directory));
        Files.writeString(directory.resolve("config.yaml"), "model_kind: cross_layer_transcoder\n");
        assertEquals(
                new Reference.Remote("org/set", "folder/W_enc_0.safetensors", "v2"),
                SetFiles.first(new Reference.Remote("org/set", "folder", "v2"), directory));
    }

    @Test
    void aBeginningThatTellsNothingIsRefused() {
        Path directory = GoldenCase.transcoders("llama-plt-relu-skip");
        for (String head : new String[] {
            "",
            "1234567",
            "\2\0\0\0\0\0\0\0{}",
            "\7\0\0\0\0\0\0\0{\"b_enc",
            "\u007f\0\0\0\0\0\0\u007f{}",
            "\13\0\0\0\0\0\0\0{\"b_enc\":1}"
        }) {
            var e = assertThrows(
                    HeadwaterException.class,
                    () -> SetOutline.of(
                            directory, "layer_0.safetensors", head.getBytes(StandardCharsets.ISO_8859_1), 100, 48));
            assertTrue(e.getMessage().startsWith("layer_0.safetensors "), e.getMessage());
        }
    }
}
