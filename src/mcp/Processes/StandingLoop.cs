namespace Mcp.Processes;

/// <summary>A loop that a role runs until its end. One that ends by an error that nobody foresaw is told and begun again, never silently missing.</summary>
/// <param name="name">For the log.</param>
/// <param name="run">Runs it; ends by itself only where it is switched off.</param>
internal sealed partial class StandingLoop(string name, Func<CancellationToken, Task> run)
{
    /// <summary>Before it is begun again: what broke it may be there for longer, and must not fill the log.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    /// <summary>Runs it until <paramref name="ending"/>; throws nothing.</summary>
    public async Task RunAsync(TimeProvider clock, ILogger log, CancellationToken ending)
    {
        while (!ending.IsCancellationRequested)
        {
            try
            {
                await run(ending);
                return;
            }
            catch (OperationCanceledException) when (ending.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                LogFailed(log, name, e);
            }
            try
            {
                await Task.Delay(Pause, clock, ending);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The loop '{Loop}' failed unexpectedly and is begun again")]
    private static partial void LogFailed(ILogger log, string loop, Exception e);
}
