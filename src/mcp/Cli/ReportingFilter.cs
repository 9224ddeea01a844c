using ConsoleAppFramework;
using Grpc.Core;
using Mcp.Cli.Connecting;
using Mcp.Errors;
using Mcp.Names;

namespace Mcp.Cli;

/// <summary>Stands around every command: whatever it throws reaches the operator through the one reporter, and the exit code is 1.</summary>
internal sealed class ReportingFilter(ConsoleAppFilter next) : ConsoleAppFilter(next)
{
    /// <inheritdoc/>
    public override async Task InvokeAsync(ConsoleAppContext context, CancellationToken cancellationToken)
    {
        var command = (CommandContext)ConsoleApp.ServiceProvider!;
        try
        {
            await Next.InvokeAsync(context, cancellationToken);
        }
        catch (Exception e)
        {
            Environment.ExitCode = ExitCode.Error;
            Report(command, e, context.CommandName, cancellationToken);
        }
    }

    private static void Report(CommandContext command, Exception e, string name, CancellationToken cancelled)
    {
        switch (e)
        {
            case McpException fault:
                command.Reporter.Error(fault);
                break;
            case DetachedException detached:
                command.Reporter.Note($"{detached.Message}\n  next: mcp watch {detached.Id}");
                break;
            case OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled } when cancelled.IsCancellationRequested:
                command.Reporter.Error($"mcp {name} was interrupted");
                break;
            case RpcException rpc:
                command.Reporter.Error($"mcp {name}: {rpc.Status.Detail} ({rpc.StatusCode})");
                break;
            case IOException or UnauthorizedAccessException:
                command.Reporter.Error($"mcp {name}: {e.Message}");
                break;
            case ArgumentException or FormatException:
                command.Reporter.Error(e.Message, $"mcp {name} --help");
                break;
            default:
                // A broken promise of our own: the words and the stack are all there is to find it by.
                command.Reporter.Error($"mcp {name} failed unexpectedly; this is a defect of mcp {ProgramVersion.Text}\n{e}");
                break;
        }
    }
}
