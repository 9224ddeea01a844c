using System.Net.Sockets;

namespace Mcp.EndToEnd.Agent;

/// <summary>
/// Between the agent and podman: lets everything pass until the k-th changing request, then behaves as if the agent had been killed there: the request is
/// lost, or it is carried out and its answer is lost, and nothing passes any more.
/// </summary>
internal sealed class CrashingProxy : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _target;
    private readonly int _crashAt;
    private readonly bool _carriedOut;
    private readonly Action _onCrash;
    private int _changes;

    public CrashingProxy(string path, string target, int crashAt, bool carriedOut, Action onCrash)
    {
        (Path, _target, _crashAt, _carriedOut, _onCrash) = (path, target, crashAt, carriedOut, onCrash);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(16);
        _ = AcceptAsync();
    }

    public string Path { get; }

    public bool HasCrashed { get; private set; }

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using var _ = client;
        try
        {
            await server.ConnectAsync(new UnixDomainSocketEndPoint(_target));
            var dropAnswer = false;
            var back = Task.Run(async () =>
            {
                var answer = new byte[64 * 1024];
                try
                {
                    while (await server.ReceiveAsync(answer.AsMemory()) is var read and > 0)
                    {
                        if (dropAnswer || HasCrashed)
                        {
                            Crash(client);
                            return;
                        }
                        await client.SendAsync(answer.AsMemory(0, read));
                    }
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    // One side went; so does the other.
                }
            });
            var request = new byte[256 * 1024];
            while (!HasCrashed && await client.ReceiveAsync(request.AsMemory()) is var read and > 0)
            {
                var changes = request.AsSpan(0, read).StartsWith("POST "u8) || request.AsSpan(0, read).StartsWith("DELETE "u8);
                if (changes && Interlocked.Increment(ref _changes) == _crashAt)
                {
                    if (!_carriedOut)
                    {
                        Crash(client);
                        return;
                    }
                    dropAnswer = true;
                }
                await server.SendAsync(request.AsMemory(0, read));
            }
            client.Shutdown(SocketShutdown.Both);
            await back;
        }
        catch (SocketException)
        {
            // One side went; so does the other.
        }
        catch (ObjectDisposedException)
        {
            // As above.
        }
    }

    private void Crash(Socket client)
    {
        if (!HasCrashed)
        {
            HasCrashed = true;
            _onCrash();
        }
        _listener.Dispose();
        client.Dispose();
    }
}
