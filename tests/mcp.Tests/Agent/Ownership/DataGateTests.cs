using Mcp.Agent.Ownership;
using Mcp.Agent.Registry;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Tests.Agent.Ownership;

/// <summary>The rule before a service's data, as a table: what lies there, what the registry says, what is wished, and what comes of it.</summary>
internal sealed class DataGateTests
{
    private const string V = "11111111-2222-3333-4444-555555555555";
    private const string W = "99999999-2222-3333-4444-555555555555";

    private static DataRow Row(ulong epoch = 1, string state = "current") => new("notes", V, epoch, state, "orion", state == "superseded" ? epoch + 1 : 0, new ServiceSpec(), "op", "");

    private static FolderObservation Folder(FolderContent content, OwnerMarker? marker = null) => new("/srv/notes", content, marker);

    private static FolderObservation Marked(ulong epoch = 1, string volume = V, string service = "notes") => Folder(FolderContent.Marked, new OwnerMarker(service, volume, epoch));

    private static DataDecision Decide(DataRow? row, FolderObservation folder, ulong epoch = 1, string volume = V, bool fresh = false) =>
        DataGate.Decide("notes", row, folder, epoch, volume, fresh, () => "new");

    private static async Task Refused(DataRow? row, FolderObservation folder, string cause, ulong epoch = 1, string volume = V)
    {
        var fault = await Assert.That(() => Decide(row, folder, epoch, volume)).Throws<McpException>();
        await Assert.That(fault!.Code).IsEqualTo(FaultCode.FailedPrecondition);
        await Assert.That(fault.Cause).Contains(cause);
        await Assert.That(fault.Hint).Contains("mcp");
    }

    [Test]
    [Arguments(0)]
    [Arguments(1)]
    [Arguments(2)]
    public async Task The_first_use_takes_an_absent_empty_or_prepared_folder(int content)
    {
        var decision = Decide(null, Folder((FolderContent)content));
        await Assert.That(decision).IsEqualTo(new DataDecision(V, 1, WriteMarker: true, MoveAside: false));
    }

    [Test]
    public async Task The_same_again_changes_nothing() =>
        await Assert.That(Decide(Row(3), Marked(3), 3)).IsEqualTo(new DataDecision(V, 3, WriteMarker: false, MoveAside: false));

    [Test]
    public async Task A_direct_deploy_keeps_what_is_there() =>
        await Assert.That(Decide(Row(3), Marked(3), 0, "")).IsEqualTo(new DataDecision(V, 3, WriteMarker: false, MoveAside: false));

    [Test]
    public async Task A_direct_deploy_to_a_node_that_never_held_it_is_refused() => await Refused(null, Folder(FolderContent.Absent), "never held", 0, "");

    [Test]
    public async Task A_lower_epoch_is_refused() => await Refused(Row(3), Marked(3), "lower epoch", 2);

    [Test]
    public async Task A_lower_epoch_is_refused_for_a_fresh_start_too() =>
        await Assert.That(() => Decide(Row(3), Marked(3), 2, W, fresh: true)).Throws<McpException>();

    [Test]
    public async Task A_higher_epoch_means_an_older_copy_here() => await Refused(Row(1), Marked(1), "older copy", 2);

    [Test]
    public async Task Another_volume_is_refused() => await Refused(Row(1), Marked(1), "names volume", 1, W);

    [Test]
    public async Task Superseded_data_is_refused() => await Refused(Row(1, "superseded"), Marked(1), "superseded", 0, "");

    [Test]
    public async Task Expected_and_absent_is_refused() => await Refused(Row(), Folder(FolderContent.Absent), "there is nothing");

    [Test]
    public async Task Expected_and_empty_is_refused() => await Refused(Row(), Folder(FolderContent.Empty), "it is empty");

    [Test]
    public async Task A_lost_marker_is_refused() => await Refused(Row(), Folder(FolderContent.Unmarked), "lost its marker");

    [Test]
    public async Task A_foreign_marker_is_refused_with_and_without_a_record()
    {
        await Refused(Row(), Folder(FolderContent.Foreign), "did not write");
        await Refused(null, Folder(FolderContent.Foreign), "did not write");
    }

    [Test]
    public async Task Data_of_another_service_is_refused()
    {
        await Refused(Row(), Marked(service: "other"), "marker of the service other");
        await Refused(null, Marked(service: "other"), "marker of the service other");
    }

    [Test]
    public async Task A_marker_of_another_epoch_is_refused() => await Refused(Row(1), Marked(2), "expects volume");

    [Test]
    public async Task Data_without_a_record_is_refused() => await Refused(null, Marked(), "no record");

    [Test]
    public async Task A_later_epoch_without_data_is_refused() => await Refused(null, Folder(FolderContent.Absent), "holds none", 4);

    [Test]
    public async Task A_fresh_start_sets_data_aside_and_never_deletes_it()
    {
        await Assert.That(Decide(Row(1), Marked(1), 2, W, fresh: true)).IsEqualTo(new DataDecision(W, 2, WriteMarker: true, MoveAside: true));
        await Assert.That(Decide(null, Folder(FolderContent.Foreign), 0, "", fresh: true)).IsEqualTo(new DataDecision("new", 1, WriteMarker: true, MoveAside: true));
        // Files that the operator put there for a service that never ran are what it starts with.
        await Assert.That(Decide(null, Folder(FolderContent.Unmarked), 0, "", fresh: true).MoveAside).IsFalse();
    }

    [Test]
    public async Task A_repeated_fresh_start_does_not_set_aside_twice() =>
        await Assert.That(Decide(Row(1), Marked(1), 1, V, fresh: true)).IsEqualTo(new DataDecision(V, 1, WriteMarker: false, MoveAside: false));
}
