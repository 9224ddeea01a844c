using System.Net.Sockets;
using System.Text;

namespace Mcp.EndToEnd.Agent;

/// <summary>What becomes of one request to podman.</summary>
internal enum Passage
{
    /// <summary>It passes, and so does its answer.</summary>
    Pass,

    /// <summary>It is taken and never answered, as by a podman that says nothing.</summary>
    Swallow,

    /// <summary>It is answered with 500 and does not reach podman.</summary>
    Refuse,

    /// <summary>The agent is killed here: the request is lost, and nothing passes any more.</summary>
    CutBefore,

    /// <summary>The agent is killed here: the request is carried out, its answer is lost, and nothing passes any more.</summary>
    CutAfter,
}

/// <summary>Between the agent and podman: decides of each request, by its first line, what becomes of it.</summary>
internal sealed class PodmanProxy : IDisposable
{
    private const string Body = """{"cause":"device or resource busy","message":"removing storage: device or resource busy","response":500}""";

    private static readonly byte[] Refusal = Encoding.ASCII.GetBytes(
        $"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: {Body.Length}\r\n\r\n{Body}");

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _target;
    private readonly Func<string, Passage> _decide;
    private readonly Action _onCut;
    private int _cut;

    /// <param name="path">The socket that the agent is given.</param>
    /// <param name="target">Podman's socket.</param>
    /// <param name="decide">Told the first line of each request, and of each further piece of a body what it begins with; called from several threads.</param>
    /// <param name="onCut">Called once, when the first request was cut.</param>
    public PodmanProxy(string path, string target, Func<string, Passage> decide, Action? onCut = null)
    {
        (Path, _target, _decide, _onCut) = (path, target, decide, onCut ?? (() => { }));
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(64);
        _ = AcceptAsync();
    }

    public string Path { get; }

    public bool IsCut => Volatile.Read(ref _cut) != 0;

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
            var answersAreLost = false;
            var back = CopyAsync(server, client, () => Volatile.Read(ref answersAreLost));
            var request = new byte[256 * 1024];
            while (!IsCut && await client.ReceiveAsync(request.AsMemory()) is var read and > 0)
            {
                var passage = _decide(FirstLine(request.AsSpan(0, read)));
                if (passage == Passage.CutBefore)
                {
                    Cut(client);
                    return;
                }
                Volatile.Write(ref answersAreLost, passage == Passage.CutAfter || answersAreLost);
                if (passage == Passage.Refuse)
                    await client.SendAsync(Refusal);
                else if (passage != Passage.Swallow)
                    await server.SendAsync(request.AsMemory(0, read));
            }
            server.Shutdown(SocketShutdown.Both);
            await back;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One side went; so does the other.
        }
    }

    private async Task CopyAsync(Socket server, Socket client, Func<bool> isLost)
    {
        var answer = new byte[64 * 1024];
        try
        {
            while (await server.ReceiveAsync(answer.AsMemory()) is var read and > 0)
            {
                if (IsCut || isLost())
                {
                    Cut(client);
                    return;
                }
                await client.SendAsync(answer.AsMemory(0, read));
            }
            client.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // One side went; so does the other.
        }
    }

    private void Cut(Socket client)
    {
        if (Interlocked.Exchange(ref _cut, 1) == 0)
            _onCut();
        _listener.Dispose();
        client.Dispose();
    }

    private static string FirstLine(ReadOnlySpan<byte> request) =>
        Encoding.ASCII.GetString(request[..(request.IndexOf((byte)'\n') is var end and > 0 ? end : Math.Min(request.Length, 64))]);
}
