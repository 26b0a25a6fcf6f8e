package dev.headwater.faults;

/**
 * What came of one kind of fault.
 *
 * @param tried    how often it was done
 * @param survived how often all was as it should be afterwards
 * @param note     the first thing that was lost, or a figure
 */
public record Row(String fault, long tried, long survived, String note) {
    public long lost() {
        return tried - survived;
    }
}
