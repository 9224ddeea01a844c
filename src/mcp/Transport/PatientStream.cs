using Grpc.Core;
using Mcp.Errors;

namespace Mcp.Transport;

/// <summary>Streams of data end after 30 s without a message (SPEC §3): a peer that holds one open and says nothing holds locks, too.</summary>
internal static class PatientStream
{
    /// <summary>The longest silence.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    /// <summary>Waits for the next message; false at the end of the stream.</summary>
    /// <exception cref="McpException">DeadlineExceeded: nothing came for <see cref="Silence"/>.</exception>
    public static async Task<bool> NextAsync<T>(this IAsyncStreamReader<T> stream, CancellationToken ct)
    {
        try
        {
            return await stream.MoveNext(ct).WaitAsync(Silence, ct);
        }
        catch (TimeoutException)
        {
            throw new McpException(FaultCode.DeadlineExceeded, $"no data came for {Silence.TotalSeconds:0} s") { Hint = "is the link slow or cut? try again" };
        }
    }
}
