using Mcp.Alerts;
using Mcp.Certificates;
using Mcp.Confinement;
using Mcp.Master.Configuration;
using Mcp.Master.Deployments;
using Mcp.Master.Files;
using Mcp.Master.Identity;
using Mcp.Master.Migrations;
using Mcp.Master.Reading;
using Mcp.Master.Reconciliation;
using Mcp.Master.Recovery;
using Mcp.Master.Registration;
using Mcp.Master.Snapshots;
using Mcp.Names;
using Mcp.Operations;
using Mcp.Processes;
using Mcp.Sqlite;
using Mcp.Transport;

namespace Mcp.Master;

/// <summary>Puts a master together from its parts, by hand: one can read here what depends on what.</summary>
internal static class MasterComposition
{
    /// <summary>Composes; nothing runs yet but the audit's writer.</summary>
    public static MasterHost Compose(
        MasterConfiguration configuration, Database database, FleetAuthority authority, CredentialFile file, TimeProvider clock, ILoggerFactory logging, out MasterStart start)
    {
        RoleServer? server = null;
        FindingWatch? findings = null;
        HealthWatch? watch = null;
        var said = new KeptAnswers(node => watch?.LineSince(node), clock);
        var fleet = database.Read(FleetStore.Find)!;
        var terms = new FleetTerms(configuration.FleetName, configuration.Domain, configuration.Zone, configuration.AllowedDomains, configuration.BackendCidrs);
        var own = CredentialSource.Open(file);
        var trust = new TrustSource(authority.Bundle);
        var directory = new FleetDirectory(database, configuration.AllowedAgents, clock);
        directory.Reload();
        var writes = new GroupedWrites(database);
        var events = new NodeEvents(database, writes, clock);
        async Task HappenedAsync(string node, V1.FleetEvent e)
        {
            said.Moved(node);
            await events.HappenedAsync(node, e);
            // A look finds what came of it, long before the next one would be due.
            if (e.Severity is "warning" or "error")
                findings?.Soon();
        }
        string Address() => MasterAddress.Of(fleet.Address, server);

        // Nodes.
        var board = new NodeHealthBoard(clock);
        var links = new AgentLinks(database, own, trust, configuration.Domain, () => fleet.Term, Address, clock) { Changed = said.Moved };
        var eyes = new AgentEyes(links);
        var lives = new TermWatch(() => fleet.Term);
        var probe = new HealthProbe(eyes, board, lives, database, writes, clock);
        board.Changed += events.HealthChanged;
        watch = new HealthWatch(database, eyes, probe, board, configuration.Timeouts.HealthCheck, events.Line, HappenedAsync, clock, logging.CreateLogger<HealthWatch>());
        var policy = new RegistrationPolicy(
            configuration.MaxNodes, MasterAddress.IsLoopbackOnly(configuration.Listen), configuration.BackendCidrs, configuration.Zone, () => fleet.Term);
        var registering = new Registering(database, writes, directory, trust, board, links, lives, policy, clock);

        // Operations.
        var feed = new OperationFeed(clock);
        var runner = new OperationRunner(feed, "", clock);
        var locks = new ServiceLocks(clock);
        var agents = new AgentOperations(links, clock);
        var holdings = new AgentHoldings(database, links, board);
        var listing = new DataListing(database, links, board);
        var deployed = new DeployEnding(configuration, clock);
        var undeployed = new UndeployEnding(clock);
        var moved = new LifecycleEnding(clock);
        var adopted = new AdoptEnding(deployed, configuration);
        var recovery = new FleetRecovery(database, links, board, clock, logging.CreateLogger<FleetRecovery>());
        var open = new OpenOperations(database, agents, holdings, [deployed, undeployed, moved, adopted, new SnapshotEnding()], clock, logging.CreateLogger<OpenOperations>())
        {
            IsRunningHere = id => OperationId.TryParse(id, out var parsed, out _) && runner.IsRunning(parsed),
            IsHeld = () => recovery.Awaited.Count > 0,
        };
        var journal = new OperationJournal(database, runner, locks, open, configuration.Timeouts.Deploy, clock);
        registering.Appeared = node =>
        {
            said.Moved(node);
            watch.Soon(node);
        };

        // Identity.
        var audit = new AuditTrail(database, clock, logging.CreateLogger<AuditTrail>());
        var invitations = new Invitations(database, authority.RootSha256, clock);
        var identity = new OwnIdentity(authority, file, own, database, terms, clock, logging.CreateLogger<OwnIdentity>());

        var observation = new FleetObservation(database, eyes, board, said, clock);
        var ledger = new FindingLedger(database, clock);
        var status = new FleetStatus(
            database, observation, board, ledger, new FleetStatusContext(configuration.FleetName, ProgramVersion.Text, open.IsRunningHere, () => recovery.Awaited, () => lives.Estranged, configuration.Snapshots), clock);
        var alerts = new AlertSettings { Command = configuration.AlertCommand, Cooldown = configuration.AlertCooldown, Fleet = configuration.Domain };
        var book = new AlertBook(database, alerts, clock);
        var sender = new AlertSender(book, alerts, (subject, words) => events.AlertFailed(subject.Node, subject.Service, words), clock, logging.CreateLogger<AlertSender>());
        findings = new FindingWatch(status.FactsAsync, ledger, new FindingAlerts(book).Tell, clock, logging.CreateLogger<FindingWatch>());
        board.Changed += (_, _, _) => findings.Soon();
        var survey = new FleetSurvey(database, observation, board, open, locks, configuration);
        var planning = new SyncPlanning(survey, new PlanMemory());
        var deploying = new Deploying(database, journal, new DeployPlanner(configuration, board), agents, holdings, deployed, configuration);
        var undeploying = new Undeploying(database, journal, links, agents, board, undeployed, configuration);
        var lifecycle = new Lifecycle(database, journal, links, agents, board, moved, configuration);
        var syncing = new Syncing(
            database, runner, open, planning, new SyncRun(deploying, undeploying, lifecycle, feed), new ServiceLocks(clock), configuration.Timeouts.Deploy, clock);
        var snapshots = Snapshots(
            configuration, database, links, agents, board, journal, runner, open, locks, () => recovery.Awaited.Count > 0, clock, logging);
        var migrations = new MigrationParts
        {
            Database = database,
            Links = links,
            Agents = agents,
            Eyes = eyes,
            Board = board,
            Deployed = deployed,
            Relay = new DataRelay(links, agents, board, clock),
            Snapshots = snapshots.Folder,
            Configuration = configuration,
            Clock = clock,
        };
        var migrationPlanner = new MigrationPlanner(database, links, board, configuration, new DeadSource(database, links, snapshots.Verification));
        var migrating = new Migrating(migrations, migrationPlanner, runner, open, locks, logging.CreateLogger<Migrating>());
        var kept = new KeptCopies(migrations, locks, open, logging.CreateLogger<KeptCopies>());
        var migratingAll = new MigratingAll(migrations, migrationPlanner, migrating, runner, feed, open);
        var parts = new MasterParts
        {
            Configuration = configuration,
            Database = database,
            Writes = writes,
            Authority = authority,
            Clock = clock,
            Address = Address,
            Directory = directory,
            Seen = new SeenKeys(database, directory, clock),
            Joining = new Joining(database, authority, terms, clock),
            Renewal = new Renewal(database, authority, terms, clock),
            Nodes = new NodeAdministration(database, invitations, clock),
            Operators = new OperatorAdministration(database, invitations, clock),
            Registering = registering,
            Board = board,
            Links = links,
            Probe = probe,
            Terms = lives,
            Recovery = recovery,
            Deploying = deploying,
            Undeploying = undeploying,
            Lifecycle = lifecycle,
            Adopting = new Adopting(database, journal, links, agents, holdings, board, adopted, configuration),
            Purging = new Purging(database, links, locks, board),
            Data = new DataAdministration(database, links, board, listing, locks, clock),
            Files = new FileRelay(database, links, clock),
            Planning = planning,
            Syncing = syncing,
            Snapshots = snapshots,
            Migrating = migrating,
            MigratingAll = migratingAll,
            Kept = kept,
            Status = status,
            Holdings = listing,
            KeptAnswers = said,
            Registry = new Registry(database, authority, clock),
            Streams = new Streams(database, feed, links, clock),
            Events = new EventStreams(database, clock),
            Repeated = new RepeatedCalls(clock),
            Feed = feed,
        };
        server = Serve(configuration, parts, own, trust, audit, clock, logging);
        parts.CutRevoked = () => server.Connections.CutRevoked(directory);
        recovery.PeopleChanged = parts.PutInForce;
        parts.GrantRegister = node => server.Limits.GrantRegister(Principal.AgentOf(NodeName.Parse(node)));

        var housekeeping = new Housekeeping(database, clock, logging.CreateLogger<Housekeeping>());
        var copy = new GoodCopy(database, clock, logging.CreateLogger<GoodCopy>());
        var carrying = new CarryingOn([syncing.Resume, snapshots.Restoring.Resume, migratingAll.Resume, migrating.Resume], clock, logging.CreateLogger<CarryingOn>());
        async Task ResumeAsync(CancellationToken ending)
        {
            await recovery.RunAsync(ending);
            await carrying.RunAsync(ending);
        }
        StandingLoop[] loops =
        [
            new("good copy", copy.RunAsync), new("health", watch.RunAsync), new("observation", observation.RunAsync), new("what is carried on", ResumeAsync),
            new("open operations", open.RunAsync), new("identity", identity.RunAsync), new("findings", findings.RunAsync), new("alerts", sender.RunAsync),
            new("housekeeping", housekeeping.RunAsync), new("snapshots", snapshots.Schedule.RunAsync), new("drills", snapshots.Drills.RunAsync), new("kept copies", kept.RunAsync),
        ];
        start = new MasterStart(watch, lives, recovery, open, migrating, loops);
        return MasterHost.Of(parts, server, runner, audit, logging.CreateLogger<MasterHost>());
    }

    private static SnapshotParts Snapshots(
        MasterConfiguration configuration, Database database, AgentLinks links, AgentOperations agents, NodeHealthBoard board, OperationJournal journal, OperationRunner runner,
        OpenOperations open, ServiceLocks locks, Func<bool> isHeld, TimeProvider clock, ILoggerFactory logging)
    {
        var folder = new SnapshotFolder(configuration.Snapshots.Folder, StoreRoom.Ask);
        var state = new MasterState(configuration, database);
        var taking = new SnapshotTaking(
            database, journal, runner, new SnapshotExport(links, board, configuration.Timeouts.Snapshot, clock), folder, state, configuration, clock);
        var verification = new SnapshotVerification(database, folder, ConfinedProgram.Own, clock);
        var drilling = new Drilling(database, runner, links, board, folder, verification, clock);
        var restoring = new Restoring(
            database, runner, journal, open, locks, new RestoreSteps(database, links, agents, board, folder, configuration, clock), board, verification, clock);
        var schedule = new SnapshotSchedule(
            database, taking, locks, board, configuration.Snapshots, clock, Random.Shared, logging.CreateLogger<SnapshotSchedule>())
        { IsHeld = isHeld };
        var drills = new DrillSchedule(database, drilling, configuration.Snapshots, clock, Random.Shared, logging.CreateLogger<DrillSchedule>()) { IsHeld = isHeld };
        return new SnapshotParts(
            folder, taking, verification, new SnapshotAnswers(database, runner, folder, verification, clock), restoring, drilling, schedule, drills,
            new SnapshotReview(folder, database, [state.RemoveLeftovers, verification.RemoveLeftovers], clock, logging.CreateLogger<SnapshotReview>()), state);
    }

    private static RoleServer Serve(
        MasterConfiguration configuration, MasterParts parts, CredentialSource own, TrustSource trust, AuditTrail audit, TimeProvider clock, ILoggerFactory logging)
    {
        if (configuration.Socket.Length > 0)
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(configuration.Socket))!);
        return RoleServer.Build(new RoleServerOptions
        {
            Role = "master",
            Domain = configuration.Domain,
            Addresses = configuration.Listen,
            SocketPath = configuration.Socket.Length > 0 ? configuration.Socket : null,
            Credentials = own,
            Trust = trust,
            Table = MasterMethods.Table,
            Access = parts.Directory,
            Audit = audit,
            Clock = clock,
            Logging = logging,
            Version = ProgramVersion.Text,
            Services = services =>
            {
                services.AddSingleton(parts);
                services.AddSingleton<SeenInterceptor>();
                services.AddSingleton<MasterService>();
                services.AddSingleton<RecoveryGate>();
                services.AddGrpc().AddServiceOptions<MasterService>(options =>
                {
                    options.Interceptors.Add<SeenInterceptor>();
                    options.Interceptors.Add<RecoveryGate>();
                });
            },
            Map = endpoints => endpoints.MapGrpcService<MasterService>(),
        });
    }
}
