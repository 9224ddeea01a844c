using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Mcp.Podman;

/// <summary>
/// HTTP over podman's Unix socket with kept-alive connections. Every call ends: with an answer, a <see cref="PodmanException"/>, or the
/// caller's own cancellation. Nothing in an answer is trusted; all of it is bounded.
/// </summary>
internal sealed class PodmanTransport : IDisposable
{
    private readonly HttpClient _http;
    private readonly TimeProvider _clock;

    /// <summary>Opens nothing yet.</summary>
    public PodmanTransport(string socketPath, PodmanLimits limits, TimeProvider clock)
    {
        SocketPath = socketPath;
        Limits = limits;
        _clock = clock;
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = ConnectAsync,
            ConnectTimeout = limits.Connect,
            // podman closes what is idle on its side; ours goes first, so that a call seldom meets a connection that is just being closed.
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            MaxResponseHeadersLength = 64,
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
        };
        _http = new HttpClient(handler) { BaseAddress = new Uri("http://podman/v4.0.0/libpod/"), Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The socket's path.</summary>
    public string SocketPath { get; }

    /// <summary>The limits of every call.</summary>
    public PodmanLimits Limits { get; }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>A call whose answer is a small JSON document, or nothing.</summary>
    /// <returns>The document; null for an answer without content, and for 404 when <paramref name="absentIsNull"/>.</returns>
    public async Task<JsonDocument?> CallAsync(
        HttpMethod method, string path, HttpContent? body, TimeSpan timeout, CancellationToken ct, bool absentIsNull = false)
    {
        var what = Describe(method, path);
        using var limit = new CallLimit(timeout, _clock, ct);
        return await GuardAsync(what, limit, async () =>
        {
            using var response = await SendAsync(what, method, path, body, absentIsNull, limit.Token);
            if (response.StatusCode == HttpStatusCode.NotFound)
                return null;
            using var content = await ReadAsync(what, response.Content, limit.Token);
            var bytes = content.GetBuffer().AsMemory(0, (int)content.Length);
            // Some calls answer with a line feed only.
            return bytes.Span.IsEmpty || !bytes.Span.ContainsAnyExcept(" \r\n\t"u8) ? null : JsonText.Parse(what, bytes);
        });
    }

    /// <summary>A change whose answer is only whether there was anything to change: podman answers 304 where it is so already.</summary>
    /// <exception cref="PodmanException">Refused, or podman could not be asked.</exception>
    public async Task<bool> ChangeAsync(string path, TimeSpan timeout, CancellationToken ct)
    {
        var what = Describe(HttpMethod.Post, path);
        using var limit = new CallLimit(timeout, _clock, ct);
        return await GuardAsync(what, limit, async () =>
        {
            using var response = await SendAsync(what, HttpMethod.Post, path, null, false, limit.Token);
            return response.StatusCode != HttpStatusCode.NotModified;
        });
    }

    /// <summary>A call whose answer is a stream that the caller reads and disposes; the limit is for the answer's head only.</summary>
    public async Task<PodmanStream> OpenAsync(
        HttpMethod method, string path, HttpContent? body, TimeSpan timeout, CancellationToken ct, IReadOnlyDictionary<string, string>? headers = null)
    {
        var what = Describe(method, path);
        using var limit = new CallLimit(timeout, _clock, ct);
        return await GuardAsync(what, limit, async () =>
        {
            var response = await SendAsync(what, method, path, body, absentIsNull: false, limit.Token, headers);
            try
            {
                return new PodmanStream(what, response, await response.Content.ReadAsStreamAsync(limit.Token), SocketPath);
            }
            catch
            {
                response.Dispose();
                throw;
            }
        });
    }

    private static string Describe(HttpMethod method, string path)
    {
        var query = path.IndexOf('?', StringComparison.Ordinal);
        return $"{method} {PodmanException.Words(query < 0 ? path : path[..query])}";
    }

    private async Task<HttpResponseMessage> SendAsync(
        string what, HttpMethod method, string path, HttpContent? body, bool absentIsNull, CancellationToken ct, IReadOnlyDictionary<string, string>? headers = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        foreach (var (name, value) in headers ?? new Dictionary<string, string>())
            request.Headers.TryAddWithoutValidation(name, value);
        var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        // 304: it was in that state already. Every call here is about reaching a state, so that is success.
        if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.NotModified)
            return response;
        using (response)
        {
            if (absentIsNull && response.StatusCode == HttpStatusCode.NotFound)
                return new HttpResponseMessage(HttpStatusCode.NotFound);
            using var bytes = await ReadAsync(what, response.Content, ct);
            throw new PodmanException(PodmanFailure.Refused, what, Reason(bytes.GetBuffer().AsMemory(0, (int)bytes.Length)), (int)response.StatusCode);
        }
    }

    /// <summary>Podman's <c>{"cause", "message", "response"}</c>; anything else is taken as text.</summary>
    private static string Reason(ReadOnlyMemory<byte> body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var message = document.RootElement.TextAt("message");
            if (message.Length > 0)
                return PodmanException.Words(message);
        }
        catch (JsonException)
        {
            // A proxy, a panic or a foreign server on the socket: its words are better than none.
        }
        return body.Length == 0 ? "no reason given" : PodmanException.Words(Encoding.UTF8.GetString(body.Span[..Math.Min(body.Length, 4096)]));
    }

    /// <summary>The whole body, or <see cref="PodmanFailure.TooLarge"/> as soon as it is more than an honest one.</summary>
    private async Task<MemoryStream> ReadAsync(string what, HttpContent content, CancellationToken ct)
    {
        var announced = content.Headers.ContentLength;
        if (announced > Limits.AnswerBytes)
            throw TooLarge(what);
        await using var body = await content.ReadAsStreamAsync(ct);
        var bytes = new MemoryStream((int)(announced ?? 0));
        var buffer = ArrayPool<byte>.Shared.Rent(32 * 1024);
        try
        {
            int read;
            while ((read = await body.ReadAsync(buffer, ct)) > 0)
            {
                if (bytes.Length + read > Limits.AnswerBytes)
                    throw TooLarge(what);
                bytes.Write(buffer, 0, read);
            }
            return bytes;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private PodmanException TooLarge(string what) =>
        new(PodmanFailure.TooLarge, what, $"more than {Limits.AnswerBytes} bytes");

    /// <summary>Turns whatever the network stack throws into the three things that can be the matter.</summary>
    private async Task<T> GuardAsync<T>(string what, CallLimit limit, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (OperationCanceledException e) when (limit.Expired)
        {
            throw new PodmanException(PodmanFailure.TimedOut, what, $"no answer on {SocketPath} within {limit.Timeout.TotalSeconds:0.#} s", inner: e)
            {
                Hint = "podman ps (does it answer?); systemctl restart podman.service (containers keep running)",
            };
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            throw Unreachable(what, SocketPath, e);
        }
        catch (OperationCanceledException e) when (!limit.Cancelled)
        {
            // Neither ours nor the caller's: the handler's connect timeout.
            throw Unreachable(what, SocketPath, e);
        }
    }

    /// <summary>The connection could not be made or broke.</summary>
    internal static PodmanException Unreachable(string what, string socketPath, Exception e)
    {
        var reason = e.GetBaseException().Message;
        return new PodmanException(PodmanFailure.Unreachable, what, $"{socketPath}: {PodmanException.Words(reason)}", inner: e)
        {
            Hint = "systemctl status podman.socket; systemctl enable --now podman.socket (rootless: add --user)",
        };
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
