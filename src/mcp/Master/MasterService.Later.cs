using Grpc.Core;
using Mcp.Errors;
using Mcp.V1;

namespace Mcp.Master;

/// <summary>Calls whose messages are fixed and whose work a later version brings. They refuse in words, and change nothing.</summary>
internal sealed partial class MasterService
{
    /// <inheritdoc/>
    public override Task<ImageLoaded> LoadImage(IAsyncStreamReader<ImageLoad> requestStream, ServerCallContext context) => throw Later("image push", "podman load on the node");

    /// <inheritdoc/>
    public override Task<EdgeListResponse> EdgeList(EdgeListRequest request, ServerCallContext context) => throw Later("edge routes");

    /// <inheritdoc/>
    public override Task<EdgeStatusResponse> EdgeStatus(EdgeStatusRequest request, ServerCallContext context) => throw Later("edge routes");

    /// <inheritdoc/>
    public override Task<DnsListResponse> DnsList(DnsListRequest request, ServerCallContext context) => Task.FromResult(new DnsListResponse());

    /// <inheritdoc/>
    public override Task<CertImportResponse> CertImport(CertImportRequest request, ServerCallContext context) => throw Later("importing certificates");

    /// <inheritdoc/>
    public override Task Upgrade(IAsyncStreamReader<UpgradePart> requestStream, IServerStreamWriter<UpgradeProgress> responseStream, ServerCallContext context) =>
        throw Later("upgrade", "replace the file and restart the unit on each node");

    /// <inheritdoc/>
    public override Task<IssueCertificateResponse> IssueCertificate(IssueCertificateRequest request, ServerCallContext context) => throw Later("certificates of services");

    private static McpException Later(string what, string? instead = null) =>
        new(FaultCode.Unimplemented, $"{what}: not built yet in this version") { Hint = instead };
}
