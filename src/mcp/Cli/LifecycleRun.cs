using Grpc.Core;
using Mcp.Cli.Configuration;
using Mcp.Cli.Connecting;
using Mcp.Cli.Output;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Cli;

/// <summary>What stop, start and restart have in common: one call, its steps, and the wish written into the definition.</summary>
internal sealed class LifecycleRun(CommandContext context, FleetLink link, ServiceTarget target)
{
    /// <summary>Makes the call through the master.</summary>
    public async Task<int> ThroughMasterAsync(string what, string done, Func<CallOptions, AsyncUnaryCall<LifecycleResult>> call, CancellationToken cancel)
    {
        var result = await new OperationRun(context, link, $"{what} of {target}", summaryFollows: true).CallAsync(call, cancel);
        if (result.Success)
        {
            context.Screen.Line($"{target} {done} on {result.Node}");
            foreach (var step in result.Steps.Where(s => s.Skipped))
                context.Screen.Line($"  skipped {step.Step}: {step.Error}");
            StepWarnings.Print(context, result.Steps);
            return ExitCode.Done;
        }
        var failed = result.Steps.FirstOrDefault(s => !s.Success && !s.Skipped);
        context.Reporter.Error(new McpException(FaultCode.Aborted, result.Error.Length > 0 ? result.Error : $"{what} of {target} failed")
        {
            Node = result.Node,
            Step = failed?.Step,
            Cause = failed?.Error,
            Hint = $"mcp status {target.Service}",
        });
        return ExitCode.Error;
    }

    /// <summary>Makes the call to the agent itself.</summary>
    public async Task<int> ThroughAgentAsync(string what, string done, Func<CallOptions, AsyncUnaryCall<LifecycleResponse>> call, CancellationToken cancel)
    {
        var result = await new OperationRun(context, link, $"{what} of {target}", summaryFollows: true).CallAsync(call, cancel);
        if (result.Steps.FirstOrDefault(s => !s.Success && !s.Skipped) is not { } failed)
        {
            context.Screen.Line($"{target} {done}");
            StepWarnings.Print(context, result.Steps);
            return ExitCode.Done;
        }
        context.Reporter.Error($"{what} of {target} failed at {failed.Step}: {failed.Error}", $"mcp status {target.Service} --direct");
        return ExitCode.Error;
    }

    /// <summary>
    /// Writes what is now wished into the definition, if it is on this machine: the file is the source of truth, and the next deploy
    /// would undo the operator's word otherwise.
    /// </summary>
    public void WriteActive(bool active)
    {
        if (link.Configuration is null || target.Component.Length > 0)
            return;
        var path = ServiceFiles.PathOf(link.Configuration, target.Service);
        if (File.Exists(path) && ActiveKey.SetInFile(path, active))
            context.Reporter.Note($"{path}: active = {(active ? "true" : "false")}");
    }
}
