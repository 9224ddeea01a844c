using Grpc.Core;
using Mcp.Errors;

namespace Mcp.Transport;

/// <summary>
/// Writing to somebody who follows. What he does not take stays in the connection's window, and then the write waits: so a follower costs one batch of
/// memory, however slow he is. One who takes nothing for too long is cut off and told where to go on; nothing is ever left out.
/// </summary>
internal static class FollowerWrites
{
    /// <summary>How long one message may wait for a follower.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Writes one message.</summary>
    /// <param name="writer">The call's.</param>
    /// <param name="message">What is written.</param>
    /// <param name="resume">The command with which he goes on.</param>
    /// <param name="clock">For the patience.</param>
    /// <param name="ct">The call's end.</param>
    /// <exception cref="McpException">ResourceExhausted: he is cut off.</exception>
    public static async Task WriteToFollowerAsync<T>(this IServerStreamWriter<T> writer, T message, string resume, TimeProvider clock, CancellationToken ct)
    {
        // Not cancelled by the patience: a cancelled write resets the stream, and he would never read why.
        var write = writer.WriteAsync(message, ct);
        if (write.IsCompletedSuccessfully)
            return;
        try
        {
            await write.WaitAsync(Patience, clock, ct);
        }
        catch (TimeoutException)
        {
            throw new McpException(FaultCode.ResourceExhausted, $"this follower took nothing for {Patience.TotalSeconds:0} s and was cut off")
            {
                State = "nothing was left out; what came since is kept",
                Hint = resume,
            };
        }
    }
}
