namespace Mcp.Podman;

/// <summary>
/// Creates a container although an earlier try may have made it: podman can fail, hang or die after the container exists, and then the next
/// create is refused because the name is taken. So: look before, and look again after every failure whose effect is unknown. What is found counts
/// as ours only if it was never started, is of the same image and carries every label of the spec, the operation's own among them.
/// </summary>
internal static class ContainerCreation
{
    /// <summary>The id of the container that <paramref name="spec"/> describes, made now or by an earlier try.</summary>
    /// <exception cref="PodmanException">It could not be made, or the name belongs to another container (<see cref="PodmanException.NameTaken"/>).</exception>
    public static async Task<string> CreateOrAdoptAsync(this PodmanClient podman, ContainerCreateSpec spec, CancellationToken ct)
    {
        if (await podman.InspectContainerAsync(spec.Name, ct) is { } earlier)
            return IsOurs(earlier, spec) ? earlier.Id : throw Taken(spec, earlier);
        try
        {
            return await podman.CreateContainerAsync(spec, ct);
        }
        catch (PodmanException e) when (e.EffectUnknown || e.NameTaken)
        {
            if (await FindAsync(podman, spec, ct) is not { } made)
                throw;
            return IsOurs(made, spec) ? made.Id : throw Taken(spec, made);
        }
    }

    private static async Task<ContainerDetail?> FindAsync(PodmanClient podman, ContainerCreateSpec spec, CancellationToken ct)
    {
        try
        {
            return await podman.InspectContainerAsync(spec.Name, ct);
        }
        catch (PodmanException)
        {
            // Podman does not answer at all: the failure of the create is the one to report, and the next try looks again.
            return null;
        }
    }

    private static bool IsOurs(ContainerDetail found, ContainerCreateSpec spec) =>
        found.Name == spec.Name
        && found.Status == ContainerStatus.Created
        && found.ImageId == spec.ImageId
        && spec.Labels.Count > 0
        && spec.Labels.All(label => found.Labels.TryGetValue(label.Key, out var value) && value == label.Value);

    private static PodmanException Taken(ContainerCreateSpec spec, ContainerDetail other) =>
        new(PodmanFailure.Refused, $"create of {PodmanException.Words(spec.Name)}", $"the name is already in use by container {PodmanException.Words(other.Id)}", 409)
        {
            Hint = $"podman inspect {PodmanException.Words(spec.Name)} (whose is it? rename or remove it by hand)",
        };
}
