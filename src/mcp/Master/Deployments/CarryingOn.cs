using Mcp.Errors;

namespace Mcp.Master.Deployments;

/// <summary>
/// Carries on the operations with a journal of their own (<see cref="OpenOperations.CarriedOnKinds"/>): at the start those that an earlier process left, and
/// later those of this one whose end could not be written because the disk was full or failing. Otherwise these would stay open until the next start.
/// </summary>
/// <param name="resume">One of each kind: carries on what nobody is at.</param>
/// <param name="clock">The clock.</param>
/// <param name="log">Where a round that failed is told.</param>
internal sealed partial class CarryingOn(IReadOnlyList<Action<CancellationToken>> resume, TimeProvider clock, ILogger<CarryingOn> log)
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(10);

    /// <summary>Goes on until the process ends.</summary>
    public async Task RunAsync(CancellationToken ending)
    {
        using var timer = new PeriodicTimer(Round, clock);
        do
        {
            try
            {
                foreach (var one in resume)
                    one(ending);
            }
            catch (McpException e)
            {
                LogRound(e.Message, e.Cause ?? "");
            }
        }
        while (await timer.WaitForNextTickAsync(ending));
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "What was left open was not looked for in this round: {What} {Cause}")]
    private partial void LogRound(string what, string cause);
}
