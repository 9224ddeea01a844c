using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Mcp.Podman;

namespace Mcp.Tests.Podman;

/// <summary>A request as it arrived.</summary>
internal sealed record FakeRequest(string Method, string Target, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    /// <summary>The target without the version's prefix.</summary>
    public string Path => Target.Replace("/v4.0.0/libpod/", "", StringComparison.Ordinal);

    /// <summary>The body as text.</summary>
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>
/// A podman that does as it is told: an HTTP/1.1 server on a Unix socket whose answers are bytes of the test's choice, so that it can hang, lie,
/// cut and flood. Keeps connections alive as podman does.
/// </summary>
internal sealed class FakePodman : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<(string Method, string Prefix, Func<FakeAnswer, Task> Answer)> _script = [];
    private readonly ConcurrentQueue<FakeRequest> _requests = new();
    private readonly Task _accepting;
    private int _connections;

    public FakePodman()
    {
        SocketPath = _folder["podman.sock"];
        _listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        _listener.Listen(64);
        On("GET", "_ping", answer => answer.TextAsync(200, "OK"));
        _accepting = AcceptAsync();
    }

    public string SocketPath { get; }

    /// <summary>What was asked, in order of arrival.</summary>
    public IReadOnlyList<FakeRequest> Requests => [.. _requests];

    /// <summary>Waits until <paramref name="path"/> was asked for that often.</summary>
    public async Task UntilAskedAsync(string path, int times)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (_requests.Count(request => request.Path == path) < times)
            await Task.Delay(TimeSpan.FromMilliseconds(10), limit.Token);
    }

    /// <summary>Connections accepted so far.</summary>
    public int Connections => _connections;

    /// <summary>A client with short limits.</summary>
    public PodmanClient Client(PodmanLimits? limits = null) => new(SocketPath, limits ?? Quick);

    /// <summary>Limits that let a test see a timeout soon.</summary>
    public static PodmanLimits Quick { get; } = new()
    {
        Connect = TimeSpan.FromSeconds(2),
        Read = TimeSpan.FromSeconds(2),
        Change = TimeSpan.FromSeconds(2),
        StopBeyondGrace = TimeSpan.FromSeconds(1),
        PullSilence = TimeSpan.FromSeconds(20),
        SilenceProbe = TimeSpan.FromMilliseconds(100),
    };

    /// <summary>From now on, requests of that method whose path starts so get this answer; the last one told wins.</summary>
    public FakePodman On(string method, string prefix, Func<FakeAnswer, Task> answer)
    {
        lock (_script)
            _script.Insert(0, (method, prefix, answer));
        return this;
    }

    /// <summary>The usual case: a status and a JSON text.</summary>
    public FakePodman On(string method, string prefix, int status, string json) => On(method, prefix, answer => answer.TextAsync(status, json));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
        _folder.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                var socket = await _listener.AcceptAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                connections.Add(ServeAsync(socket));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            while (await ReadRequestAsync(stream) is { } request)
            {
                _requests.Enqueue(request);
                Func<FakeAnswer, Task>? answer;
                lock (_script)
                    answer = _script.FirstOrDefault(entry => entry.Method == request.Method && request.Path.StartsWith(entry.Prefix, StringComparison.Ordinal)).Answer;
                var reply = new FakeAnswer(stream, request, _stop.Token);
                await (answer ?? (a => a.TextAsync(404, """{"cause":"not scripted","message":"not scripted","response":404}""")))(reply);
                if (reply.Closes)
                    return;
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The client went away, or the test is over.
        }
    }

    private async Task<FakeRequest?> ReadRequestAsync(NetworkStream stream)
    {
        var head = new StringBuilder();
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await ReadByteAsync(stream) is not { } value)
                return null;
            head.Append((char)value);
        }
        var lines = head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var words = lines[0].Split(' ');
        var headers = lines.Skip(1).Select(line => line.Split(':', 2)).ToDictionary(pair => pair[0].ToUpperInvariant(), pair => pair[1].Trim());
        using var body = new MemoryStream();
        if (headers.TryGetValue("CONTENT-LENGTH", out var length))
            await CopyAsync(stream, body, int.Parse(length, CultureInfo.InvariantCulture));
        else if (headers.ContainsKey("TRANSFER-ENCODING"))
            await CopyChunksAsync(stream, body);
        return new FakeRequest(words[0], words[1], headers, body.ToArray());
    }

    private async Task CopyChunksAsync(NetworkStream stream, MemoryStream body)
    {
        while (true)
        {
            var size = new StringBuilder();
            while (!size.ToString().EndsWith("\r\n", StringComparison.Ordinal))
                size.Append((char)(await ReadByteAsync(stream) ?? throw new IOException("cut")));
            var count = int.Parse(size.ToString().Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            await CopyAsync(stream, body, count);
            await CopyAsync(stream, Stream.Null, 2);
            if (count == 0)
                return;
        }
    }

    private async Task CopyAsync(NetworkStream stream, Stream target, int count)
    {
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes, _stop.Token);
        await target.WriteAsync(bytes, _stop.Token);
    }

    private async Task<byte?> ReadByteAsync(NetworkStream stream)
    {
        var one = new byte[1];
        return await stream.ReadAsync(one, _stop.Token) == 0 ? null : one[0];
    }
}
