using ConsoleAppFramework;
using Mcp.Cli;
using Mcp.Names;
using Mcp.Transport;

namespace Mcp;

/// <summary>Everything that this one file can be. Each verb is a class in Cli/, named after it.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        // Asked by scripts and by upgrades before anything else works: no framework, no configuration, no host.
        if (args is ["--version"])
        {
            Console.Out.WriteLine(ProgramVersion.Text);
            return ExitCode.Done;
        }
        if (ConfinedCommand.TryRun(args) is { } confined)
            return confined;
        NameLookup.UseBuiltInModules();
        SystemRoots.LeaveOut();
        if (args is ["self-check", ..])
            return SelfCheckCommand.Run(args.ElementAtOrDefault(1));

        return await new CommandLine(Verbs(), CommandContext.OfThisProcess()).RunAsync(args);
    }

    /// <summary>The commands; a second argument is the group, the first of two words.</summary>
    internal static ConsoleApp.ConsoleAppBuilder Verbs()
    {
        var app = ConsoleApp.Create();
        app.UseFilter<ReportingFilter>();

        // Services
        app.Add<DeployCommand>();
        app.Add<PlanCommand>();
        app.Add<SyncCommand>();
        app.Add<UndeployCommand>();
        app.Add<StopCommand>();
        app.Add<StartCommand>();
        app.Add<RestartCommand>();
        app.Add<HistoryCommand>();
        app.Add<RollbackCommand>();
        app.Add<ServiceCommand>("service");
        app.Add<PushCommand>();
        app.Add<PullCommand>();
        app.Add<AdoptCommand>();
        app.Add<PurgeCommand>();
        app.Add<DataCommand>("data");
        app.Add<SnapshotCommand>("snapshot");
        app.Add<SnapshotTrialCommand>("snapshot");
        app.Add<SnapshotRestoreCommand>("snapshot");
        app.Add<MigrateCommand>();

        // Looking
        app.Add<StatusCommand>();
        app.Add<ListCommand>();
        app.Add<PsCommand>();
        app.Add<LogsCommand>();
        app.Add<EventsCommand>();
        app.Add<WatchCommand>();
        app.Add<RouteCommand>("route");
        app.Add<CertCommand>("cert");
        app.Add<CaCommand>("ca");

        // The fleet
        app.Add<NodeCommand>("node");
        app.Add<OperatorCommand>("operator");
        app.Add<LoginCommand>();

        // Roles
        app.Add<DevCommand>();
        app.Add<MasterCommand>("master");
        app.Add<AgentCommand>("agent");

        app.Add<DoctorCommand>();
        app.Add<CompletionCommand>();
        app.Add<DemoServerCommand>();
        return app;
    }
}
