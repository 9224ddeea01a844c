using System.Net.Sockets;

namespace Mcp.Podman;

/// <summary>An answer that goes on: logs, events, pull progress, the output of an exec.</summary>
internal sealed class PodmanStream(string what, HttpResponseMessage response, Stream body, string socketPath) : IAsyncDisposable
{
    /// <summary>The call it answers.</summary>
    public string What => what;

    /// <summary>A header of the answer; empty when it has none of that name.</summary>
    public string Header(string name) => response.Headers.TryGetValues(name, out var values) ? values.First() : "";

    /// <summary>The next bytes; 0 at the end.</summary>
    /// <exception cref="PodmanException">The connection broke.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken ct)
    {
        try
        {
            return await body.ReadAsync(buffer, ct);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            throw PodmanTransport.Unreachable(what, socketPath, e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await body.DisposeAsync();
        response.Dispose();
    }
}
