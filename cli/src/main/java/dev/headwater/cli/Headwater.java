package dev.headwater.cli;

public final class Headwater {
    public static void main(String[] args) {
        System.out.println("hello " + dev.headwater.bindings.NativeLibraries.load());
    }
}
