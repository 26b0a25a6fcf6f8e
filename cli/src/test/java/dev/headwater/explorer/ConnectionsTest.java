package dev.headwater.explorer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.javalin.http.Context;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.HashMap;
import java.util.Map;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.junit.jupiter.api.Test;

/** Who goes and who stays when there are more connections than there may be. */
class ConnectionsTest {
    private final Map<String, String> headers = new HashMap<>();
    private final Connections connections = new Connections(2);

    private static <T> T standIn(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler));
    }

    /** A connection on which so many requests have come, and so many answers are done. */
    private final class Client {
        private final long requests;
        private final long answers;
        private boolean closed;
        private final Connection connection;

        Client(long requests, long answers) {
            this.requests = requests;
            this.answers = answers;
            EndPoint end = standIn(EndPoint.class, (_, method, _) -> {
                closed |= method.getName().equals("close");
                return null;
            });
            connection = standIn(Connection.class, (proxy, method, arguments) -> switch (method.getName()) {
                case "getMessagesIn" -> this.requests;
                case "getMessagesOut" -> this.answers;
                case "getEndPoint" -> end;
                case "hashCode" -> System.identityHashCode(proxy);
                case "equals" -> proxy == arguments[0];
                default -> null;
            });
            connections.onOpened(connection);
        }
    }

    private void ask() {
        connections.check(standIn(Context.class, (proxy, method, arguments) -> {
            if (method.getName().equals("header") && arguments.length == 2) {
                headers.put((String) arguments[0], (String) arguments[1]);
                return proxy;
            }
            return null;
        }));
    }

    @Test
    void whoWaitsLongestForARequestMakesRoom() {
        Client idle = new Client(0, 0);
        Client later = new Client(3, 3);
        Client busy = new Client(1, 0);
        assertTrue(idle.closed);
        assertFalse(later.closed);
        assertFalse(busy.closed);
        ask();
        Client another = new Client(0, 0);
        assertTrue(later.closed, "between two requests is waiting too");
        assertFalse(busy.closed || another.closed);
        ask();
    }

    @Test
    void whereAllAreBeingAnsweredNewOnesHearThatTheServerIsBusy() {
        Client first = new Client(1, 0);
        Client second = new Client(5, 4);
        ask();
        Client third = new Client(1, 0);
        assertFalse(first.closed || second.closed || third.closed);
        Refusal busy = assertThrows(Refusal.class, this::ask);
        assertEquals(503, busy.status());
        assertEquals(Map.of("Connection", "close", "Retry-After", "5"), headers);
        connections.onClosed(first.connection);
        ask();
    }
}
