using Mcp.Errors;

namespace Mcp.Master.Snapshots;

/// <summary>The rounds of a schedule: often enough for its interval, and no round's failure is the schedule's end.</summary>
internal static class ScheduleRounds
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1), Longest = TimeSpan.FromMinutes(1);

    /// <summary>A twentieth of the interval: what is due waits for no longer than its jitter.</summary>
    public static TimeSpan Of(TimeSpan interval) => interval / 20 is var part && part < Shortest ? Shortest : part < Longest ? part : Longest;

    /// <summary>Runs until the process ends.</summary>
    /// <param name="interval">Between two of one thing.</param>
    /// <param name="clock">For the rounds.</param>
    /// <param name="isHeld">Whether this round is left out.</param>
    /// <param name="pass">One round.</param>
    /// <param name="failed">Told of a round that failed.</param>
    /// <param name="cancellation">The process ends.</param>
    public static async Task RunAsync(
        TimeSpan interval, TimeProvider clock, Func<bool> isHeld, Func<CancellationToken, Task> pass, Action<McpException> failed, CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(Of(interval), clock);
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            try
            {
                if (!isHeld())
                    await pass(cancellation);
            }
            catch (McpException e)
            {
                failed(e);
            }
        }
    }
}
