package dev.headwater.engine.sharing;

import java.util.Map;
import java.util.Optional;

/**
 * What Neuronpedia calls a model and the dashboards of its transcoders' features.
 *
 * @param scan      the model there, such as {@code gemma-2-2b}
 * @param sourceSet the dashboards there, such as {@code gemmascope-transcoder-16k}; empty if the graph names its own
 *      or none
 */
public record SiteSet(String scan, Optional<String> sourceSet) {
    /** By the repositories of the transcoders, for those whose dashboards are on the site. */
    private static final Map<String, SiteSet> KNOWN = Map.of(
            "mwhanna/gemma-scope-transcoders", of("gemma-2-2b", "gemmascope-transcoder-16k"),
            "mntss/gemma-scope-transcoders", of("gemma-2-2b", "gemmascope-transcoder-16k"),
            "mwhanna/qwen3-4b-transcoders", of("qwen3-4b", "transcoder-hp"),
            "mwhanna/qwen3-8b-transcoders", of("qwen3-8b", "transcoder-hp"));

    private static SiteSet of(String scan, String sourceSet) {
        return new SiteSet(scan, Optional.of(sourceSet));
    }

    /** The {@code feature_details} of a graph with this scan, by which front ends find its features on the site. */
    public static Map<String, String> featureDetails(String scan) {
        return known(scan)
                .flatMap(SiteSet::sourceSet)
                .map(set -> Map.of("neuronpedia_source_set", set))
                .orElse(Map.of());
    }

    /** What the site calls a graph's scan, if that is a repository that is known there. */
    public static Optional<SiteSet> known(String scan) {
        return Optional.ofNullable(KNOWN.get(scan.replaceFirst("@.*", "")));
    }
}
