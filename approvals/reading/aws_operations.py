"""Endpoints of AWS and the operations of its REST services, for `aws.py`.

Made by tools/aws_operations.py from botocore 1.44.8
(https://github.com/boto/botocore, Apache-2.0); do not edit.
"""

# ruff: noqa: E501 # made by a tool: an operation a line
from typing import Final

PREFIXES: Final = """\
a2i-runtime.sagemaker rest
abuse rest
access-analyzer rest
account rest
account-access rest
account-access-runtime rest
acm named
acm-pca named
aco-automation named
admin.wickr rest
agent-discovery rest
agent-registry rest
agent-registry-control rest
agreement-marketplace named
aidevops rest
aiops rest
airflow rest
airflow-serverless named
amplify rest
amplifybackend rest
amplifyuibuilder rest
analytics-omics =omics
aoss named
api-fulfill.dataexchange =dataexchange
api.airflow =airflow
api.detective rest
api.ecr named
api.ecr-public named
api.iotdeviceadvisor rest
api.iotmanagedintegrations rest
api.iotsitewise =iotsitewise
api.iottwinmaker =iottwinmaker
api.iotwireless rest
api.mediatailor rest
api.pricing named
api.sagemaker named
api.thinclient =thinclient
api.tunneling.iot named
apigateway rest
apiportal rest
app-integrations rest
appconfig rest
appconfigdata rest
appfabric rest
appflow rest
application-autoscaling named
application-cost-profiler rest
application-signals rest
applicationinsights named
appmesh rest
apprunner named
appstream2 named
appsync rest
aps rest
arc-region-switch named
arc-zonal-shift rest
artifact rest
athena named
auditmanager rest
autoscaling named
autoscaling-plans named
b2bi named
backup rest
backup-gateway named
backup-search rest
batch rest
bcm-dashboards named
bcm-data-exports named
bcm-pricing-calculator named
bcm-recommended-actions named
bedrock rest
bedrock-agent rest
bedrock-agent-runtime rest
bedrock-agentcore rest
bedrock-agentcore-control rest
bedrock-data-automation rest
bedrock-data-automation-runtime named
bedrock-runtime rest
billing named
billingconductor rest
braket rest
budgets named
cases rest
cassandra named
cassandra-streams named
catalog.marketplace rest
ce named
chatbot rest
chime rest
cleanrooms rest
cleanrooms-ml rest
cloud9 named
cloudcontrolapi named
clouddirectory rest
cloudformation named
cloudfront rest
cloudfront-keyvaluestore rest
cloudhsm named
cloudhsmv2 named
cloudsearch named
cloudsearchdomain rest
cloudtrail named
cloudtrail-data rest
cloudwatch-omni named
codeartifact rest
codebuild named
codecatalyst rest
codecommit named
codeconnections named
codedeploy named
codeguru-profiler rest
codeguru-reviewer rest
codeguru-security rest
codepipeline named
codestar-connections named
codestar-notifications rest
cognito-identity named
cognito-idp named
cognito-sync rest
comprehend named
comprehendmedical named
compute-optimizer named
config named
connect rest
connect-campaigns rest
contact-lens rest
continuum rest
control-storage-omics =omics
controlcatalog rest
controlplane.payment-cryptography named
controltower rest
cost-optimization-hub named
cp.aidevops =aidevops
cp.geofencing.geo =geo
cp.maps.geo =geo
cp.metadata.geo =geo
cp.places.geo =geo
cp.routes.geo =geo
cp.tracking.geo =geo
cur named
data-ats.iot rest
data-lakeformation =lakeformation
data-servicediscovery =servicediscovery
data-signer =signer rest
data.iotsitewise =iotsitewise
data.iottwinmaker =iottwinmaker
data.jobs.iot rest
data.mediastore rest
data.qapps rest
databrew rest
dataexchange rest
datapipeline named
dataplane.payment-cryptography rest
dataplane.rum =rum
datasync named
datatransformation.healthlake =healthlake
datazone rest
dax named
deadline rest
deployment-marketplace rest
devicefarm named
devops-guru rest
directconnect named
discovery named
discovery-marketplace rest
dlm rest
dms named
docdb-elastic rest
dp.aidevops =aidevops
drs rest
ds named
ds-data rest
dsql rest
dynamodb named
ebs rest
ec2 named
ec2-instance-connect named
ecs named
edge.sagemaker rest
eks rest
eks-auth rest
elasticache named
elasticbeanstalk named
elasticfilesystem rest
elasticloadbalancing named
elasticmapreduce named
elemental-inference rest
email named rest
emr-containers rest
emr-serverless rest
end-user-messaging rest
entitlement.marketplace named
entityresolution rest
env.airflow =airflow
es rest
events named
eventsv2 named
evs named
execute-api rest
featurestore-runtime.sagemaker rest
firehose named
fis rest
fms named
forecast named
forecastquery named
frauddetector named
freetier named
fsx named
gamelift named
gameliftstreams rest
gateway-runtime.sagemaker rest
geo rest
geo-maps rest
geo-places rest
geo-routes rest
geofencing.geo =geo
glacier rest
globalaccelerator named
glue named
grafana rest
greengrass rest
groundstation rest
guardduty rest
health named
health-agent rest
healthlake named
iam named
iam-toolbox rest
identity-chime rest
identitystore named
imagebuilder rest
importexport named
inferencerouter-runtime.sagemaker rest
ingest.timestream named
inspector named
inspector-scan rest
inspector2 rest
interconnect named
internetmonitor rest
invoicing named
iot rest
iotfleetwise named
iotsitewise rest
iotthingsgraph named
iottwinmaker rest
ivs rest
ivschat rest
ivsrealtime rest
job-runtime.sagemaker rest
kafka rest
kafkaconnect rest
kendra named
kendra-ranking named
kinesis named
kinesisanalytics named
kinesisvideo rest
kms named
lakeformation rest
lambda rest
launchwizard rest
license-manager named
license-manager-linux-subscriptions rest
license-manager-user-subscriptions rest
lightsail named
logs named
lookoutequipment named
m2 rest
machinelearning named
macie2 rest
mail-manager named
managedblockchain rest
managedblockchain-query rest
management.deadline =deadline
maps.geo =geo
marketplacecommerceanalytics named
media-pipelines-chime rest
mediaconnect rest
mediaconvert rest
medialive rest
mediapackage rest
mediapackage-vod rest
mediapackagev2 rest
mediastore named
medical-imaging rest
meetings-chime rest
memory-db named
messaging-chime rest
metadata.geo =geo
metering.marketplace named
metrics.sagemaker rest
mgh named
mgn rest
migrationhub-config named
migrationhub-orchestrator rest
migrationhub-strategy rest
models-v2-lex rest
models.lex rest
monitor.iotsitewise =iotsitewise
monitoring named
mpa rest
mq rest
mturk-requester named
neptune-db rest
neptune-graph rest
network-firewall named
network-security-manager rest
networkflowmonitor rest
networkmanager rest
networkmonitor rest
notifications rest
notifications-contacts rest
nova-act rest
oam rest
observabilityadmin rest
odb named
oidc rest
omics rest
ops.airflow =airflow
organizations named
osis rest
osm named
outposts rest
participant.connect rest
partnercentral-account named
partnercentral-benefits named
partnercentral-channel named
partnercentral-marketing named
partnercentral-prm named
partnercentral-selling named
payments named
pca-connector-ad rest
pca-connector-scep rest
pcs named
personalize named
personalize-events rest
personalize-runtime rest
pi named
pinpoint rest
pipes rest
places.geo =geo
polly rest
portal.sso rest
pricingplanmanager rest
profile rest
proton named
qbusiness rest
query-lakeformation =lakeformation
query.timestream named
quicksight rest
ram rest
rbin rest
rds named
rds-data rest
redshift named
redshift-data named
redshift-serverless named
refactor-spaces rest
rekognition named
reporting-marketplace rest
repostspace rest
resiliencehub rest
resource-explorer-2 rest
resource-groups rest
rolesanywhere rest
route53 rest
route53-recovery-cluster named
route53-recovery-control-config rest
route53-recovery-readiness rest
route53domains named
route53globalresolver rest
route53profiles rest
route53resolver named
routes.geo =geo
rtbfabric rest
rum rest
runtime-medical-imaging =medical-imaging
runtime-v2-lex rest
runtime.health-agent =health-agent
runtime.lex rest
runtime.sagemaker rest
s3 rest
s3-control rest
s3-outposts rest
s3files rest
s3tables rest
s3vectors rest
sagemaker-geospatial rest
savingsplans rest
scheduler rest
scheduling.deadline =deadline
schemas rest
scn rest
sdb named rest
secretsmanager named
security-ir rest
securityagent rest
securityhub rest
securitylake rest
serverlessrepo rest
servicecatalog named
servicecatalog-appregistry rest
servicediscovery named
servicequotas named
shield named
signer rest
signin rest
sms-voice named
sms-voice.pinpoint rest
snow-device-management rest
snowball named
sns named
social-messaging rest
sqs named
ssm named
ssm-contacts named
ssm-guiconnect rest
ssm-incidents rest
ssm-quicksetup rest
ssm-sap rest
sso named
states named
storage-omics =omics
storagegateway named
stream-logs =logs
streaming.health-agent =health-agent
streams.dynamodb named
sts named
support named
supportapp rest
supportauthz rest
sustainability rest
swf named
sync-states =states
synthetics rest
tagging named
tags-omics =omics
tax rest
textract named
thinclient rest
timestream-influxdb named
tracking.geo =geo
training-session-runtime.sagemaker rest
transcribe named
transfer named
translate named
trustedadvisor rest
uxc rest
verifiedpermissions named
voice-chime rest
voiceid named
vpc-lattice rest
waf named
waf-regional named
wafv2 named
wellarchitected rest
wisdom rest
workdocs rest
workflows-omics =omics
workmail named
workmailmessageflow rest
workspaces named
workspaces-instances named
workspaces-web rest
xray rest
"""
"""The labels of a host before the region, and how its operations are told: `rest`, or
`named` in the request; `=`: it is that service."""

REST: Final[dict[str, str]] = {
    "access-analyzer": """\
ApplyArchiveRule PUT /archive-rule
CancelPolicyGeneration PUT /policy/generation/{jobId}
CheckAccessNotGranted POST /policy/check-access-not-granted
CheckNoNewAccess POST /policy/check-no-new-access
CheckNoPublicAccess POST /policy/check-no-public-access
CreateAccessPreview PUT /access-preview
CreateAnalyzer PUT /analyzer
CreateArchiveRule PUT /analyzer/{analyzerName}/archive-rule
CreateServiceLinkedAnalyzer PUT /service-linked-analyzer
DeleteAnalyzer DELETE /analyzer/{analyzerName} q:clientToken
DeleteArchiveRule DELETE /analyzer/{analyzerName}/archive-rule/{ruleName} q:clientToken
DeleteServiceLinkedAnalyzer DELETE /service-linked-analyzer/{analyzerName} q:clientToken
GenerateFindingRecommendation POST /recommendation/{id} q!analyzerArn
GetAccessPreview GET /access-preview/{accessPreviewId} q!analyzerArn
GetAnalyzedResource GET /analyzed-resource q!analyzerArn q!resourceArn
GetAnalyzer GET /analyzer/{analyzerName}
GetArchiveRule GET /analyzer/{analyzerName}/archive-rule/{ruleName}
GetFinding GET /finding/{id} q!analyzerArn
GetFindingRecommendation GET /recommendation/{id} q!analyzerArn q:maxResults q:nextToken
GetFindingV2 GET /findingv2/{id} q!analyzerArn q:maxResults q:nextToken
GetFindingsStatistics POST /analyzer/findings/statistics
GetGeneratedPolicy GET /policy/generation/{jobId} q:includeResourcePlaceholders q:includeServiceLevelTemplate
ListAccessPreviewFindings POST /access-preview/{accessPreviewId}
ListAccessPreviews GET /access-preview q!analyzerArn q:nextToken q:maxResults
ListAnalyzedResources POST /analyzed-resource
ListAnalyzers GET /analyzer q:nextToken q:maxResults q:type
ListArchiveRules GET /analyzer/{analyzerName}/archive-rule q:nextToken q:maxResults
ListFindings POST /finding
ListFindingsV2 POST /findingv2
ListPolicyGenerations GET /policy/generation q:principalArn q:maxResults q:nextToken
ListTagsForResource GET /tags/{resourceArn}
StartPolicyGeneration PUT /policy/generation
StartResourceScan POST /resource/scan
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
UpdateAnalyzer PUT /analyzer/{analyzerName}
UpdateArchiveRule PUT /analyzer/{analyzerName}/archive-rule/{ruleName}
UpdateFindings PUT /finding
ValidatePolicy POST /policy/validation q:maxResults q:nextToken
""",
    "account": """\
AcceptPrimaryEmailUpdate POST /acceptPrimaryEmailUpdate
DeleteAlternateContact POST /deleteAlternateContact
DisableRegion POST /disableRegion
EnableRegion POST /enableRegion
GetAccountInformation POST /getAccountInformation
GetAlternateContact POST /getAlternateContact
GetContactInformation POST /getContactInformation
GetGovCloudAccountInformation POST /getGovCloudAccountInformation
GetPrimaryEmail POST /getPrimaryEmail
GetPrimaryEmailUpdateStatus POST /getPrimaryEmailUpdateStatus
GetRegionOptStatus POST /getRegionOptStatus
ListRegions POST /listRegions
PutAccountName POST /putAccountName
PutAlternateContact POST /putAlternateContact
PutContactInformation POST /putContactInformation
SendPhoneNumberVerification POST /sendPhoneNumberVerification
StartPrimaryEmailUpdate POST /startPrimaryEmailUpdate
VerifyPhoneNumber POST /verifyPhoneNumber
""",
    "airflow": """\
CreateCliToken POST /clitoken/{Name}
CreateEnvironment PUT /environments/{Name}
CreateWebLoginToken POST /webtoken/{Name}
DeleteEnvironment DELETE /environments/{Name}
GetEnvironment GET /environments/{Name}
InvokeRestApi POST /restapi/{Name}
ListEnvironments GET /environments q:NextToken q:MaxResults
ListTagsForResource GET /tags/{ResourceArn}
PublishMetrics POST /metrics/environments/{EnvironmentName}
TagResource POST /tags/{ResourceArn}
UntagResource DELETE /tags/{ResourceArn} q!tagKeys
UpdateEnvironment PATCH /environments/{Name}
""",
    "amplify": """\
CreateApp POST /apps
CreateBackendEnvironment POST /apps/{appId}/backendenvironments
CreateBranch POST /apps/{appId}/branches
CreateDeployment POST /apps/{appId}/branches/{branchName}/deployments
CreateDomainAssociation POST /apps/{appId}/domains
CreateWebhook POST /apps/{appId}/webhooks
DeleteApp DELETE /apps/{appId}
DeleteBackendEnvironment DELETE /apps/{appId}/backendenvironments/{environmentName}
DeleteBranch DELETE /apps/{appId}/branches/{branchName}
DeleteDomainAssociation DELETE /apps/{appId}/domains/{domainName}
DeleteJob DELETE /apps/{appId}/branches/{branchName}/jobs/{jobId}
DeleteWebhook DELETE /webhooks/{webhookId}
GenerateAccessLogs POST /apps/{appId}/accesslogs
GetApp GET /apps/{appId}
GetArtifactUrl GET /artifacts/{artifactId}
GetBackendEnvironment GET /apps/{appId}/backendenvironments/{environmentName}
GetBranch GET /apps/{appId}/branches/{branchName}
GetDomainAssociation GET /apps/{appId}/domains/{domainName}
GetJob GET /apps/{appId}/branches/{branchName}/jobs/{jobId}
GetWebhook GET /webhooks/{webhookId}
ListApps GET /apps q:nextToken q:maxResults
ListArtifacts GET /apps/{appId}/branches/{branchName}/jobs/{jobId}/artifacts q:nextToken q:maxResults
ListBackendEnvironments GET /apps/{appId}/backendenvironments q:environmentName q:nextToken q:maxResults
ListBranches GET /apps/{appId}/branches q:nextToken q:maxResults
ListDomainAssociations GET /apps/{appId}/domains q:nextToken q:maxResults
ListJobs GET /apps/{appId}/branches/{branchName}/jobs q:nextToken q:maxResults
ListTagsForResource GET /tags/{resourceArn}
ListWebhooks GET /apps/{appId}/webhooks q:nextToken q:maxResults
StartDeployment POST /apps/{appId}/branches/{branchName}/deployments/start
StartJob POST /apps/{appId}/branches/{branchName}/jobs
StopJob DELETE /apps/{appId}/branches/{branchName}/jobs/{jobId}/stop
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
UpdateApp POST /apps/{appId}
UpdateBranch POST /apps/{appId}/branches/{branchName}
UpdateDomainAssociation POST /apps/{appId}/domains/{domainName}
UpdateWebhook POST /webhooks/{webhookId}
""",
    "apigateway": """\
CreateApi POST /v2/apis
CreateApiKey POST /apikeys
CreateApiMapping POST /v2/domainnames/{domainName}/apimappings u:domainName=DomainName
CreateAuthorizer POST /restapis/{restapi_id}/authorizers u:restapi_id=restApiId
CreateAuthorizer POST /v2/apis/{apiId}/authorizers u:apiId=ApiId
CreateBasePathMapping POST /domainnames/{domain_name}/basepathmappings u:domain_name=domainName q:domainNameId
CreateDeployment POST /restapis/{restapi_id}/deployments u:restapi_id=restApiId
CreateDeployment POST /v2/apis/{apiId}/deployments u:apiId=ApiId
CreateDocumentationPart POST /restapis/{restapi_id}/documentation/parts u:restapi_id=restApiId
CreateDocumentationVersion POST /restapis/{restapi_id}/documentation/versions u:restapi_id=restApiId
CreateDomainName POST /domainnames
CreateDomainName POST /v2/domainnames
CreateDomainNameAccessAssociation POST /domainnameaccessassociations
CreateIntegration POST /v2/apis/{apiId}/integrations u:apiId=ApiId
CreateIntegrationResponse POST /v2/apis/{apiId}/integrations/{integrationId}/integrationresponses u:apiId=ApiId u:integrationId=IntegrationId
CreateModel POST /restapis/{restapi_id}/models u:restapi_id=restApiId
CreateModel POST /v2/apis/{apiId}/models u:apiId=ApiId
CreatePortal POST /v2/portals
CreatePortalProduct POST /v2/portalproducts
CreateProductPage POST /v2/portalproducts/{portalProductId}/productpages u:portalProductId=PortalProductId
CreateProductRestEndpointPage POST /v2/portalproducts/{portalProductId}/productrestendpointpages u:portalProductId=PortalProductId
CreateRequestValidator POST /restapis/{restapi_id}/requestvalidators u:restapi_id=restApiId
CreateResource POST /restapis/{restapi_id}/resources/{parent_id} u:restapi_id=restApiId u:parent_id=parentId
CreateRestApi POST /restapis
CreateRoute POST /v2/apis/{apiId}/routes u:apiId=ApiId
CreateRouteResponse POST /v2/apis/{apiId}/routes/{routeId}/routeresponses u:apiId=ApiId u:routeId=RouteId
CreateRoutingRule POST /v2/domainnames/{domainName}/routingrules u:domainName=DomainName q:domainNameId=DomainNameId
CreateStage POST /restapis/{restapi_id}/stages u:restapi_id=restApiId
CreateStage POST /v2/apis/{apiId}/stages u:apiId=ApiId
CreateUsagePlan POST /usageplans
CreateUsagePlanKey POST /usageplans/{usageplanId}/keys u:usageplanId=usagePlanId
CreateVpcLink POST /v2/vpclinks
CreateVpcLink POST /vpclinks
DeleteAccessLogSettings DELETE /v2/apis/{apiId}/stages/{stageName}/accesslogsettings u:apiId=ApiId u:stageName=StageName
DeleteApi DELETE /v2/apis/{apiId} u:apiId=ApiId
DeleteApiKey DELETE /apikeys/{api_Key} u:api_Key=apiKey
DeleteApiMapping DELETE /v2/domainnames/{domainName}/apimappings/{apiMappingId} u:apiMappingId=ApiMappingId u:domainName=DomainName
DeleteAuthorizer DELETE /restapis/{restapi_id}/authorizers/{authorizer_id} u:restapi_id=restApiId u:authorizer_id=authorizerId
DeleteAuthorizer DELETE /v2/apis/{apiId}/authorizers/{authorizerId} u:apiId=ApiId u:authorizerId=AuthorizerId
DeleteBasePathMapping DELETE /domainnames/{domain_name}/basepathmappings/{base_path} u:domain_name=domainName q:domainNameId u:base_path=basePath
DeleteClientCertificate DELETE /clientcertificates/{clientcertificate_id} u:clientcertificate_id=clientCertificateId
DeleteCorsConfiguration DELETE /v2/apis/{apiId}/cors u:apiId=ApiId
DeleteDeployment DELETE /restapis/{restapi_id}/deployments/{deployment_id} u:restapi_id=restApiId u:deployment_id=deploymentId
DeleteDeployment DELETE /v2/apis/{apiId}/deployments/{deploymentId} u:apiId=ApiId u:deploymentId=DeploymentId
DeleteDocumentationPart DELETE /restapis/{restapi_id}/documentation/parts/{part_id} u:restapi_id=restApiId u:part_id=documentationPartId
DeleteDocumentationVersion DELETE /restapis/{restapi_id}/documentation/versions/{doc_version} u:restapi_id=restApiId u:doc_version=documentationVersion
DeleteDomainName DELETE /domainnames/{domain_name} u:domain_name=domainName q:domainNameId
DeleteDomainName DELETE /v2/domainnames/{domainName} u:domainName=DomainName
DeleteDomainNameAccessAssociation DELETE /domainnameaccessassociations/{domain_name_access_association_arn} u:domain_name_access_association_arn=domainNameAccessAssociationArn
DeleteGatewayResponse DELETE /restapis/{restapi_id}/gatewayresponses/{response_type} u:restapi_id=restApiId u:response_type=responseType
DeleteIntegration DELETE /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod
DeleteIntegration DELETE /v2/apis/{apiId}/integrations/{integrationId} u:apiId=ApiId u:integrationId=IntegrationId
DeleteIntegrationResponse DELETE /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration/responses/{status_code} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod u:status_code=statusCode
DeleteIntegrationResponse DELETE /v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId} u:apiId=ApiId u:integrationId=IntegrationId u:integrationResponseId=IntegrationResponseId
DeleteMethod DELETE /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod
DeleteMethodResponse DELETE /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/responses/{status_code} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod u:status_code=statusCode
DeleteModel DELETE /restapis/{restapi_id}/models/{model_name} u:restapi_id=restApiId u:model_name=modelName
DeleteModel DELETE /v2/apis/{apiId}/models/{modelId} u:apiId=ApiId u:modelId=ModelId
DeletePortal DELETE /v2/portals/{portalId} u:portalId=PortalId
DeletePortalProduct DELETE /v2/portalproducts/{portalProductId} u:portalProductId=PortalProductId
DeletePortalProductSharingPolicy DELETE /v2/portalproducts/{portalProductId}/sharingpolicy u:portalProductId=PortalProductId
DeleteProductPage DELETE /v2/portalproducts/{portalProductId}/productpages/{productPageId} u:portalProductId=PortalProductId u:productPageId=ProductPageId
DeleteProductRestEndpointPage DELETE /v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId} u:portalProductId=PortalProductId u:productRestEndpointPageId=ProductRestEndpointPageId
DeleteRequestValidator DELETE /restapis/{restapi_id}/requestvalidators/{requestvalidator_id} u:restapi_id=restApiId u:requestvalidator_id=requestValidatorId
DeleteResource DELETE /restapis/{restapi_id}/resources/{resource_id} u:restapi_id=restApiId u:resource_id=resourceId
DeleteRestApi DELETE /restapis/{restapi_id} u:restapi_id=restApiId
DeleteRoute DELETE /v2/apis/{apiId}/routes/{routeId} u:apiId=ApiId u:routeId=RouteId
DeleteRouteRequestParameter DELETE /v2/apis/{apiId}/routes/{routeId}/requestparameters/{requestParameterKey} u:apiId=ApiId u:requestParameterKey=RequestParameterKey u:routeId=RouteId
DeleteRouteResponse DELETE /v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId} u:apiId=ApiId u:routeId=RouteId u:routeResponseId=RouteResponseId
DeleteRouteSettings DELETE /v2/apis/{apiId}/stages/{stageName}/routesettings/{routeKey} u:apiId=ApiId u:routeKey=RouteKey u:stageName=StageName
DeleteRoutingRule DELETE /v2/domainnames/{domainName}/routingrules/{routingRuleId} u:domainName=DomainName q:domainNameId=DomainNameId u:routingRuleId=RoutingRuleId
DeleteStage DELETE /restapis/{restapi_id}/stages/{stage_name} u:restapi_id=restApiId u:stage_name=stageName
DeleteStage DELETE /v2/apis/{apiId}/stages/{stageName} u:apiId=ApiId u:stageName=StageName
DeleteUsagePlan DELETE /usageplans/{usageplanId} u:usageplanId=usagePlanId
DeleteUsagePlanKey DELETE /usageplans/{usageplanId}/keys/{keyId} u:usageplanId=usagePlanId
DeleteVpcLink DELETE /v2/vpclinks/{vpcLinkId} u:vpcLinkId=VpcLinkId
DeleteVpcLink DELETE /vpclinks/{vpclink_id} u:vpclink_id=vpcLinkId
DisablePortal DELETE /v2/portals/{portalId}/publish u:portalId=PortalId
ExportApi GET /v2/apis/{apiId}/exports/{specification} u:apiId=ApiId q:exportVersion=ExportVersion q:includeExtensions=IncludeExtensions q!outputType=OutputType u:specification=Specification q:stageName=StageName
FlushStageAuthorizersCache DELETE /restapis/{restapi_id}/stages/{stage_name}/cache/authorizers u:restapi_id=restApiId u:stage_name=stageName
FlushStageCache DELETE /restapis/{restapi_id}/stages/{stage_name}/cache/data u:restapi_id=restApiId u:stage_name=stageName
GenerateClientCertificate POST /clientcertificates
GetAccount GET /account
GetApi GET /v2/apis/{apiId} u:apiId=ApiId
GetApiKey GET /apikeys/{api_Key} u:api_Key=apiKey q:includeValue
GetApiKeys GET /apikeys q:position q:limit q:name=nameQuery q:customerId q:includeValues
GetApiMapping GET /v2/domainnames/{domainName}/apimappings/{apiMappingId} u:apiMappingId=ApiMappingId u:domainName=DomainName
GetApiMappings GET /v2/domainnames/{domainName}/apimappings u:domainName=DomainName q:maxResults=MaxResults q:nextToken=NextToken
GetApis GET /v2/apis q:maxResults=MaxResults q:nextToken=NextToken
GetAuthorizer GET /restapis/{restapi_id}/authorizers/{authorizer_id} u:restapi_id=restApiId u:authorizer_id=authorizerId
GetAuthorizer GET /v2/apis/{apiId}/authorizers/{authorizerId} u:apiId=ApiId u:authorizerId=AuthorizerId
GetAuthorizers GET /restapis/{restapi_id}/authorizers u:restapi_id=restApiId q:position q:limit
GetAuthorizers GET /v2/apis/{apiId}/authorizers u:apiId=ApiId q:maxResults=MaxResults q:nextToken=NextToken
GetBasePathMapping GET /domainnames/{domain_name}/basepathmappings/{base_path} u:domain_name=domainName q:domainNameId u:base_path=basePath
GetBasePathMappings GET /domainnames/{domain_name}/basepathmappings u:domain_name=domainName q:domainNameId q:position q:limit
GetClientCertificate GET /clientcertificates/{clientcertificate_id} u:clientcertificate_id=clientCertificateId
GetClientCertificates GET /clientcertificates q:position q:limit
GetDeployment GET /restapis/{restapi_id}/deployments/{deployment_id} u:restapi_id=restApiId u:deployment_id=deploymentId q:embed
GetDeployment GET /v2/apis/{apiId}/deployments/{deploymentId} u:apiId=ApiId u:deploymentId=DeploymentId
GetDeployments GET /restapis/{restapi_id}/deployments u:restapi_id=restApiId q:position q:limit
GetDeployments GET /v2/apis/{apiId}/deployments u:apiId=ApiId q:maxResults=MaxResults q:nextToken=NextToken
GetDocumentationPart GET /restapis/{restapi_id}/documentation/parts/{part_id} u:restapi_id=restApiId u:part_id=documentationPartId
GetDocumentationParts GET /restapis/{restapi_id}/documentation/parts u:restapi_id=restApiId q:type q:name=nameQuery q:path q:position q:limit q:locationStatus
GetDocumentationVersion GET /restapis/{restapi_id}/documentation/versions/{doc_version} u:restapi_id=restApiId u:doc_version=documentationVersion
GetDocumentationVersions GET /restapis/{restapi_id}/documentation/versions u:restapi_id=restApiId q:position q:limit
GetDomainName GET /domainnames/{domain_name} u:domain_name=domainName q:domainNameId
GetDomainName GET /v2/domainnames/{domainName} u:domainName=DomainName
GetDomainNameAccessAssociations GET /domainnameaccessassociations q:position q:limit q:resourceOwner
GetDomainNames GET /domainnames q:position q:limit q:resourceOwner
GetDomainNames GET /v2/domainnames q:maxResults=MaxResults q:nextToken=NextToken
GetExport GET /restapis/{restapi_id}/stages/{stage_name}/exports/{export_type} u:restapi_id=restApiId u:stage_name=stageName u:export_type=exportType q:parameters h:Accept=accepts
GetGatewayResponse GET /restapis/{restapi_id}/gatewayresponses/{response_type} u:restapi_id=restApiId u:response_type=responseType
GetGatewayResponses GET /restapis/{restapi_id}/gatewayresponses u:restapi_id=restApiId q:position q:limit
GetIntegration GET /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod
GetIntegration GET /v2/apis/{apiId}/integrations/{integrationId} u:apiId=ApiId u:integrationId=IntegrationId
GetIntegrationResponse GET /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration/responses/{status_code} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod u:status_code=statusCode
GetIntegrationResponse GET /v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId} u:apiId=ApiId u:integrationId=IntegrationId u:integrationResponseId=IntegrationResponseId
GetIntegrationResponses GET /v2/apis/{apiId}/integrations/{integrationId}/integrationresponses u:apiId=ApiId u:integrationId=IntegrationId q:maxResults=MaxResults q:nextToken=NextToken
GetIntegrations GET /v2/apis/{apiId}/integrations u:apiId=ApiId q:maxResults=MaxResults q:nextToken=NextToken
GetMethod GET /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod
GetMethodResponse GET /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/responses/{status_code} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod u:status_code=statusCode
GetModel GET /restapis/{restapi_id}/models/{model_name} u:restapi_id=restApiId u:model_name=modelName q:flatten
GetModel GET /v2/apis/{apiId}/models/{modelId} u:apiId=ApiId u:modelId=ModelId
GetModelTemplate GET /restapis/{restapi_id}/models/{model_name}/default_template u:restapi_id=restApiId u:model_name=modelName
GetModelTemplate GET /v2/apis/{apiId}/models/{modelId}/template u:apiId=ApiId u:modelId=ModelId
GetModels GET /restapis/{restapi_id}/models u:restapi_id=restApiId q:position q:limit
GetModels GET /v2/apis/{apiId}/models u:apiId=ApiId q:maxResults=MaxResults q:nextToken=NextToken
GetPortal GET /v2/portals/{portalId} u:portalId=PortalId
GetPortalProduct GET /v2/portalproducts/{portalProductId} u:portalProductId=PortalProductId q:resourceOwnerAccountId=ResourceOwnerAccountId
GetPortalProductSharingPolicy GET /v2/portalproducts/{portalProductId}/sharingpolicy u:portalProductId=PortalProductId
GetProductPage GET /v2/portalproducts/{portalProductId}/productpages/{productPageId} u:portalProductId=PortalProductId u:productPageId=ProductPageId q:resourceOwnerAccountId=ResourceOwnerAccountId
GetProductRestEndpointPage GET /v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId} q:includeRawDisplayContent=IncludeRawDisplayContent u:portalProductId=PortalProductId u:productRestEndpointPageId=ProductRestEndpointPageId q:resourceOwnerAccountId=ResourceOwnerAccountId
GetRequestValidator GET /restapis/{restapi_id}/requestvalidators/{requestvalidator_id} u:restapi_id=restApiId u:requestvalidator_id=requestValidatorId
GetRequestValidators GET /restapis/{restapi_id}/requestvalidators u:restapi_id=restApiId q:position q:limit
GetResource GET /restapis/{restapi_id}/resources/{resource_id} u:restapi_id=restApiId u:resource_id=resourceId q:embed
GetResources GET /restapis/{restapi_id}/resources u:restapi_id=restApiId q:position q:limit q:embed
GetRestApi GET /restapis/{restapi_id} u:restapi_id=restApiId
GetRestApis GET /restapis q:position q:limit
GetRoute GET /v2/apis/{apiId}/routes/{routeId} u:apiId=ApiId u:routeId=RouteId
GetRouteResponse GET /v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId} u:apiId=ApiId u:routeId=RouteId u:routeResponseId=RouteResponseId
GetRouteResponses GET /v2/apis/{apiId}/routes/{routeId}/routeresponses u:apiId=ApiId q:maxResults=MaxResults q:nextToken=NextToken u:routeId=RouteId
GetRoutes GET /v2/apis/{apiId}/routes u:apiId=ApiId q:maxResults=MaxResults q:nextToken=NextToken
GetRoutingRule GET /v2/domainnames/{domainName}/routingrules/{routingRuleId} u:domainName=DomainName q:domainNameId=DomainNameId u:routingRuleId=RoutingRuleId
GetSdk GET /restapis/{restapi_id}/stages/{stage_name}/sdks/{sdk_type} u:restapi_id=restApiId u:stage_name=stageName u:sdk_type=sdkType q:parameters
GetSdkType GET /sdktypes/{sdktype_id} u:sdktype_id=id
GetSdkTypes GET /sdktypes q:position q:limit
GetStage GET /restapis/{restapi_id}/stages/{stage_name} u:restapi_id=restApiId u:stage_name=stageName
GetStage GET /v2/apis/{apiId}/stages/{stageName} u:apiId=ApiId u:stageName=StageName
GetStages GET /restapis/{restapi_id}/stages u:restapi_id=restApiId q:deploymentId
GetStages GET /v2/apis/{apiId}/stages u:apiId=ApiId q:maxResults=MaxResults q:nextToken=NextToken
GetTags GET /tags/{resource_arn} u:resource_arn=resourceArn q:position q:limit
GetTags GET /v2/tags/{resource-arn} u:resource-arn=ResourceArn
GetUsage GET /usageplans/{usageplanId}/usage u:usageplanId=usagePlanId q:keyId q!startDate q!endDate q:position q:limit
GetUsagePlan GET /usageplans/{usageplanId} u:usageplanId=usagePlanId
GetUsagePlanKey GET /usageplans/{usageplanId}/keys/{keyId} u:usageplanId=usagePlanId
GetUsagePlanKeys GET /usageplans/{usageplanId}/keys u:usageplanId=usagePlanId q:position q:limit q:name=nameQuery
GetUsagePlans GET /usageplans q:position q:keyId q:limit
GetVpcLink GET /v2/vpclinks/{vpcLinkId} u:vpcLinkId=VpcLinkId
GetVpcLink GET /vpclinks/{vpclink_id} u:vpclink_id=vpcLinkId
GetVpcLinks GET /v2/vpclinks q:maxResults=MaxResults q:nextToken=NextToken
GetVpcLinks GET /vpclinks q:position q:limit
ImportApi PUT /v2/apis q:basepath=Basepath q:failOnWarnings=FailOnWarnings
ImportApiKeys POST /apikeys?mode=import q!format q:failonwarnings=failOnWarnings
ImportDocumentationParts PUT /restapis/{restapi_id}/documentation/parts u:restapi_id=restApiId q:mode q:failonwarnings=failOnWarnings
ImportRestApi POST /restapis?mode=import q:failonwarnings=failOnWarnings q:parameters
ListPortalProducts GET /v2/portalproducts q:maxResults=MaxResults q:nextToken=NextToken q:resourceOwner=ResourceOwner
ListPortals GET /v2/portals q:maxResults=MaxResults q:nextToken=NextToken
ListProductPages GET /v2/portalproducts/{portalProductId}/productpages q:maxResults=MaxResults q:nextToken=NextToken u:portalProductId=PortalProductId q:resourceOwnerAccountId=ResourceOwnerAccountId
ListProductRestEndpointPages GET /v2/portalproducts/{portalProductId}/productrestendpointpages q:maxResults=MaxResults q:nextToken=NextToken u:portalProductId=PortalProductId q:resourceOwnerAccountId=ResourceOwnerAccountId
ListRoutingRules GET /v2/domainnames/{domainName}/routingrules u:domainName=DomainName q:domainNameId=DomainNameId q:maxResults=MaxResults q:nextToken=NextToken
PreviewPortal POST /v2/portals/{portalId}/preview u:portalId=PortalId
PublishPortal POST /v2/portals/{portalId}/publish u:portalId=PortalId
PutGatewayResponse PUT /restapis/{restapi_id}/gatewayresponses/{response_type} u:restapi_id=restApiId u:response_type=responseType
PutIntegration PUT /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod
PutIntegrationResponse PUT /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration/responses/{status_code} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod u:status_code=statusCode
PutMethod PUT /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod
PutMethodResponse PUT /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/responses/{status_code} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod u:status_code=statusCode
PutPortalProductSharingPolicy PUT /v2/portalproducts/{portalProductId}/sharingpolicy u:portalProductId=PortalProductId
PutRestApi PUT /restapis/{restapi_id} u:restapi_id=restApiId q:mode q:failonwarnings=failOnWarnings q:parameters
PutRoutingRule PUT /v2/domainnames/{domainName}/routingrules/{routingRuleId} u:domainName=DomainName q:domainNameId=DomainNameId u:routingRuleId=RoutingRuleId
ReimportApi PUT /v2/apis/{apiId} u:apiId=ApiId q:basepath=Basepath q:failOnWarnings=FailOnWarnings
RejectDomainNameAccessAssociation POST /rejectdomainnameaccessassociations q!domainNameAccessAssociationArn q!domainNameArn
ResetAuthorizersCache DELETE /v2/apis/{apiId}/stages/{stageName}/cache/authorizers u:apiId=ApiId u:stageName=StageName
TagResource POST /v2/tags/{resource-arn} u:resource-arn=ResourceArn
TagResource PUT /tags/{resource_arn} u:resource_arn=resourceArn
TestInvokeAuthorizer POST /restapis/{restapi_id}/authorizers/{authorizer_id} u:restapi_id=restApiId u:authorizer_id=authorizerId
TestInvokeMethod POST /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod
UntagResource DELETE /tags/{resource_arn} u:resource_arn=resourceArn q!tagKeys
UntagResource DELETE /v2/tags/{resource-arn} u:resource-arn=ResourceArn q!tagKeys=TagKeys
UpdateAccount PATCH /account
UpdateApi PATCH /v2/apis/{apiId} u:apiId=ApiId
UpdateApiKey PATCH /apikeys/{api_Key} u:api_Key=apiKey
UpdateApiMapping PATCH /v2/domainnames/{domainName}/apimappings/{apiMappingId} u:apiMappingId=ApiMappingId u:domainName=DomainName
UpdateAuthorizer PATCH /restapis/{restapi_id}/authorizers/{authorizer_id} u:restapi_id=restApiId u:authorizer_id=authorizerId
UpdateAuthorizer PATCH /v2/apis/{apiId}/authorizers/{authorizerId} u:apiId=ApiId u:authorizerId=AuthorizerId
UpdateBasePathMapping PATCH /domainnames/{domain_name}/basepathmappings/{base_path} u:domain_name=domainName q:domainNameId u:base_path=basePath
UpdateClientCertificate PATCH /clientcertificates/{clientcertificate_id} u:clientcertificate_id=clientCertificateId
UpdateDeployment PATCH /restapis/{restapi_id}/deployments/{deployment_id} u:restapi_id=restApiId u:deployment_id=deploymentId
UpdateDeployment PATCH /v2/apis/{apiId}/deployments/{deploymentId} u:apiId=ApiId u:deploymentId=DeploymentId
UpdateDocumentationPart PATCH /restapis/{restapi_id}/documentation/parts/{part_id} u:restapi_id=restApiId u:part_id=documentationPartId
UpdateDocumentationVersion PATCH /restapis/{restapi_id}/documentation/versions/{doc_version} u:restapi_id=restApiId u:doc_version=documentationVersion
UpdateDomainName PATCH /domainnames/{domain_name} u:domain_name=domainName q:domainNameId
UpdateDomainName PATCH /v2/domainnames/{domainName} u:domainName=DomainName
UpdateGatewayResponse PATCH /restapis/{restapi_id}/gatewayresponses/{response_type} u:restapi_id=restApiId u:response_type=responseType
UpdateIntegration PATCH /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod
UpdateIntegration PATCH /v2/apis/{apiId}/integrations/{integrationId} u:apiId=ApiId u:integrationId=IntegrationId
UpdateIntegrationResponse PATCH /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/integration/responses/{status_code} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod u:status_code=statusCode
UpdateIntegrationResponse PATCH /v2/apis/{apiId}/integrations/{integrationId}/integrationresponses/{integrationResponseId} u:apiId=ApiId u:integrationId=IntegrationId u:integrationResponseId=IntegrationResponseId
UpdateMethod PATCH /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod
UpdateMethodResponse PATCH /restapis/{restapi_id}/resources/{resource_id}/methods/{http_method}/responses/{status_code} u:restapi_id=restApiId u:resource_id=resourceId u:http_method=httpMethod u:status_code=statusCode
UpdateModel PATCH /restapis/{restapi_id}/models/{model_name} u:restapi_id=restApiId u:model_name=modelName
UpdateModel PATCH /v2/apis/{apiId}/models/{modelId} u:apiId=ApiId u:modelId=ModelId
UpdatePortal PATCH /v2/portals/{portalId} u:portalId=PortalId
UpdatePortalProduct PATCH /v2/portalproducts/{portalProductId} u:portalProductId=PortalProductId
UpdateProductPage PATCH /v2/portalproducts/{portalProductId}/productpages/{productPageId} u:portalProductId=PortalProductId u:productPageId=ProductPageId
UpdateProductRestEndpointPage PATCH /v2/portalproducts/{portalProductId}/productrestendpointpages/{productRestEndpointPageId} u:portalProductId=PortalProductId u:productRestEndpointPageId=ProductRestEndpointPageId
UpdateRequestValidator PATCH /restapis/{restapi_id}/requestvalidators/{requestvalidator_id} u:restapi_id=restApiId u:requestvalidator_id=requestValidatorId
UpdateResource PATCH /restapis/{restapi_id}/resources/{resource_id} u:restapi_id=restApiId u:resource_id=resourceId
UpdateRestApi PATCH /restapis/{restapi_id} u:restapi_id=restApiId
UpdateRoute PATCH /v2/apis/{apiId}/routes/{routeId} u:apiId=ApiId u:routeId=RouteId
UpdateRouteResponse PATCH /v2/apis/{apiId}/routes/{routeId}/routeresponses/{routeResponseId} u:apiId=ApiId u:routeId=RouteId u:routeResponseId=RouteResponseId
UpdateStage PATCH /restapis/{restapi_id}/stages/{stage_name} u:restapi_id=restApiId u:stage_name=stageName
UpdateStage PATCH /v2/apis/{apiId}/stages/{stageName} u:apiId=ApiId u:stageName=StageName
UpdateUsage PATCH /usageplans/{usageplanId}/keys/{keyId}/usage u:usageplanId=usagePlanId
UpdateUsagePlan PATCH /usageplans/{usageplanId} u:usageplanId=usagePlanId
UpdateVpcLink PATCH /v2/vpclinks/{vpcLinkId} u:vpcLinkId=VpcLinkId
UpdateVpcLink PATCH /vpclinks/{vpclink_id} u:vpclink_id=vpcLinkId
""",
    "appconfig": """\
CreateApplication POST /applications
CreateConfigurationProfile POST /applications/{ApplicationId}/configurationprofiles
CreateDeploymentStrategy POST /deploymentstrategies
CreateEnvironment POST /applications/{ApplicationId}/environments
CreateExperimentDefinition POST /applications/{ApplicationIdentifier}/experimentdefinitions
CreateExtension POST /extensions h:Latest-Version-Number=LatestVersionNumber
CreateExtensionAssociation POST /extensionassociations
CreateHostedConfigurationVersion POST /applications/{ApplicationId}/configurationprofiles/{ConfigurationProfileId}/hostedconfigurationversions h:Description h:Latest-Version-Number=LatestVersionNumber h:VersionLabel
DeleteApplication DELETE /applications/{ApplicationId}
DeleteConfigurationProfile DELETE /applications/{ApplicationId}/configurationprofiles/{ConfigurationProfileId} h:x-amzn-deletion-protection-check=DeletionProtectionCheck
DeleteDeploymentStrategy DELETE /deployementstrategies/{DeploymentStrategyId}
DeleteEnvironment DELETE /applications/{ApplicationId}/environments/{EnvironmentId} h:x-amzn-deletion-protection-check=DeletionProtectionCheck
DeleteExperimentDefinition DELETE /applications/{ApplicationIdentifier}/experimentdefinitions/{ExperimentDefinitionIdentifier} q:delete_type=DeleteType
DeleteExtension DELETE /extensions/{ExtensionIdentifier} q:version=VersionNumber
DeleteExtensionAssociation DELETE /extensionassociations/{ExtensionAssociationId}
DeleteHostedConfigurationVersion DELETE /applications/{ApplicationId}/configurationprofiles/{ConfigurationProfileId}/hostedconfigurationversions/{VersionNumber}
GetAccountSettings GET /settings
GetApplication GET /applications/{ApplicationId}
GetConfiguration GET /applications/{Application}/environments/{Environment}/configurations/{Configuration} q!client_id=ClientId q:client_configuration_version=ClientConfigurationVersion
GetConfigurationProfile GET /applications/{ApplicationId}/configurationprofiles/{ConfigurationProfileId}
GetDeployment GET /applications/{ApplicationId}/environments/{EnvironmentId}/deployments/{DeploymentNumber}
GetDeploymentStrategy GET /deploymentstrategies/{DeploymentStrategyId}
GetEnvironment GET /applications/{ApplicationId}/environments/{EnvironmentId}
GetExperimentDefinition GET /applications/{ApplicationIdentifier}/experimentdefinitions/{ExperimentDefinitionIdentifier}
GetExperimentRun GET /applications/{ApplicationIdentifier}/experimentdefinitions/{ExperimentDefinitionIdentifier}/experimentruns/{Run}
GetExtension GET /extensions/{ExtensionIdentifier} q:version_number=VersionNumber
GetExtensionAssociation GET /extensionassociations/{ExtensionAssociationId}
GetHostedConfigurationVersion GET /applications/{ApplicationId}/configurationprofiles/{ConfigurationProfileId}/hostedconfigurationversions/{VersionNumber}
ListApplications GET /applications q:max_results=MaxResults q:next_token=NextToken
ListConfigurationProfiles GET /applications/{ApplicationId}/configurationprofiles q:max_results=MaxResults q:next_token=NextToken q:type=Type
ListDeploymentStrategies GET /deploymentstrategies q:max_results=MaxResults q:next_token=NextToken
ListDeployments GET /applications/{ApplicationId}/environments/{EnvironmentId}/deployments q:max_results=MaxResults q:next_token=NextToken
ListEnvironments GET /applications/{ApplicationId}/environments q:max_results=MaxResults q:next_token=NextToken
ListExperimentDefinitions GET /experimentdefinitions q:application_identifier=ApplicationIdentifier q:configuration_profile_identifier=ConfigurationProfileIdentifier q:environment_identifier=EnvironmentIdentifier q:status=Status q:max_results=MaxResults q:next_token=NextToken
ListExperimentRunEvents GET /applications/{ApplicationIdentifier}/experimentdefinitions/{ExperimentDefinitionIdentifier}/experimentruns/{Run}/events q:max_results=MaxResults q:next_token=NextToken
ListExperimentRuns GET /applications/{ApplicationIdentifier}/experimentdefinitions/{ExperimentDefinitionIdentifier}/experimentruns q:max_results=MaxResults q:next_token=NextToken q:status=Status
ListExtensionAssociations GET /extensionassociations q:resource_identifier=ResourceIdentifier q:extension_identifier=ExtensionIdentifier q:extension_version_number=ExtensionVersionNumber q:max_results=MaxResults q:next_token=NextToken
ListExtensions GET /extensions q:max_results=MaxResults q:next_token=NextToken q:name=Name
ListHostedConfigurationVersions GET /applications/{ApplicationId}/configurationprofiles/{ConfigurationProfileId}/hostedconfigurationversions q:max_results=MaxResults q:next_token=NextToken q:version_label=VersionLabel
ListTagsForResource GET /tags/{ResourceArn}
StartDeployment POST /applications/{ApplicationId}/environments/{EnvironmentId}/deployments
StartExperimentRun POST /applications/{ApplicationIdentifier}/experimentdefinitions/{ExperimentDefinitionIdentifier}/experimentruns
StopDeployment DELETE /applications/{ApplicationId}/environments/{EnvironmentId}/deployments/{DeploymentNumber} h:Allow-Revert=AllowRevert
StopExperimentRun PATCH /applications/{ApplicationIdentifier}/experimentdefinitions/{ExperimentDefinitionIdentifier}/experimentruns/{Run}/stop
TagResource POST /tags/{ResourceArn}
UntagResource DELETE /tags/{ResourceArn} q!tagKeys=TagKeys
UpdateAccountSettings PATCH /settings
UpdateApplication PATCH /applications/{ApplicationId}
UpdateConfigurationProfile PATCH /applications/{ApplicationId}/configurationprofiles/{ConfigurationProfileId}
UpdateDeploymentStrategy PATCH /deploymentstrategies/{DeploymentStrategyId}
UpdateEnvironment PATCH /applications/{ApplicationId}/environments/{EnvironmentId}
UpdateExperimentDefinition PATCH /applications/{ApplicationIdentifier}/experimentdefinitions/{ExperimentDefinitionIdentifier}
UpdateExperimentRun PATCH /applications/{ApplicationIdentifier}/experimentdefinitions/{ExperimentDefinitionIdentifier}/experimentruns/{Run}/update
UpdateExtension PATCH /extensions/{ExtensionIdentifier}
UpdateExtensionAssociation PATCH /extensionassociations/{ExtensionAssociationId}
ValidateConfiguration POST /applications/{ApplicationId}/configurationprofiles/{ConfigurationProfileId}/validators q!configuration_version=ConfigurationVersion
""",
    "appsync": """\
AssociateApi POST /v1/domainnames/{domainName}/apiassociation
AssociateMergedGraphqlApi POST /v1/sourceApis/{sourceApiIdentifier}/mergedApiAssociations
AssociateSourceGraphqlApi POST /v1/mergedApis/{mergedApiIdentifier}/sourceApiAssociations
CreateApi POST /v2/apis
CreateApiCache POST /v1/apis/{apiId}/ApiCaches
CreateApiKey POST /v1/apis/{apiId}/apikeys
CreateChannelNamespace POST /v2/apis/{apiId}/channelNamespaces
CreateDataSource POST /v1/apis/{apiId}/datasources
CreateDomainName POST /v1/domainnames
CreateFunction POST /v1/apis/{apiId}/functions
CreateGraphqlApi POST /v1/apis
CreateResolver POST /v1/apis/{apiId}/types/{typeName}/resolvers
CreateType POST /v1/apis/{apiId}/types
DeleteApi DELETE /v2/apis/{apiId}
DeleteApiCache DELETE /v1/apis/{apiId}/ApiCaches
DeleteApiKey DELETE /v1/apis/{apiId}/apikeys/{id}
DeleteChannelNamespace DELETE /v2/apis/{apiId}/channelNamespaces/{name}
DeleteDataSource DELETE /v1/apis/{apiId}/datasources/{name}
DeleteDomainName DELETE /v1/domainnames/{domainName}
DeleteFunction DELETE /v1/apis/{apiId}/functions/{functionId}
DeleteGraphqlApi DELETE /v1/apis/{apiId}
DeleteResolver DELETE /v1/apis/{apiId}/types/{typeName}/resolvers/{fieldName}
DeleteType DELETE /v1/apis/{apiId}/types/{typeName}
DisassociateApi DELETE /v1/domainnames/{domainName}/apiassociation
DisassociateMergedGraphqlApi DELETE /v1/sourceApis/{sourceApiIdentifier}/mergedApiAssociations/{associationId}
DisassociateSourceGraphqlApi DELETE /v1/mergedApis/{mergedApiIdentifier}/sourceApiAssociations/{associationId}
EvaluateCode POST /v1/dataplane-evaluatecode
EvaluateMappingTemplate POST /v1/dataplane-evaluatetemplate
FlushApiCache DELETE /v1/apis/{apiId}/FlushCache
GetApi GET /v2/apis/{apiId}
GetApiAssociation GET /v1/domainnames/{domainName}/apiassociation
GetApiCache GET /v1/apis/{apiId}/ApiCaches
GetChannelNamespace GET /v2/apis/{apiId}/channelNamespaces/{name}
GetDataSource GET /v1/apis/{apiId}/datasources/{name}
GetDataSourceIntrospection GET /v1/datasources/introspections/{introspectionId} q:includeModelsSDL q:nextToken q:maxResults
GetDomainName GET /v1/domainnames/{domainName}
GetFunction GET /v1/apis/{apiId}/functions/{functionId}
GetGraphqlApi GET /v1/apis/{apiId}
GetGraphqlApiEnvironmentVariables GET /v1/apis/{apiId}/environmentVariables
GetIntrospectionSchema GET /v1/apis/{apiId}/schema q!format q:includeDirectives
GetResolver GET /v1/apis/{apiId}/types/{typeName}/resolvers/{fieldName}
GetSchemaCreationStatus GET /v1/apis/{apiId}/schemacreation
GetSourceApiAssociation GET /v1/mergedApis/{mergedApiIdentifier}/sourceApiAssociations/{associationId}
GetType GET /v1/apis/{apiId}/types/{typeName} q!format
ListApiKeys GET /v1/apis/{apiId}/apikeys q:nextToken q:maxResults
ListApis GET /v2/apis q:nextToken q:maxResults
ListChannelNamespaces GET /v2/apis/{apiId}/channelNamespaces q:nextToken q:maxResults
ListDataSources GET /v1/apis/{apiId}/datasources q:nextToken q:maxResults
ListDomainNames GET /v1/domainnames q:nextToken q:maxResults
ListFunctions GET /v1/apis/{apiId}/functions q:nextToken q:maxResults
ListGraphqlApis GET /v1/apis q:nextToken q:maxResults q:apiType q:owner
ListResolvers GET /v1/apis/{apiId}/types/{typeName}/resolvers q:nextToken q:maxResults
ListResolversByFunction GET /v1/apis/{apiId}/functions/{functionId}/resolvers q:nextToken q:maxResults
ListSourceApiAssociations GET /v1/apis/{apiId}/sourceApiAssociations q:nextToken q:maxResults
ListTagsForResource GET /v1/tags/{resourceArn}
ListTypes GET /v1/apis/{apiId}/types q!format q:nextToken q:maxResults
ListTypesByAssociation GET /v1/mergedApis/{mergedApiIdentifier}/sourceApiAssociations/{associationId}/types q!format q:nextToken q:maxResults
PutGraphqlApiEnvironmentVariables PUT /v1/apis/{apiId}/environmentVariables
StartDataSourceIntrospection POST /v1/datasources/introspections
StartSchemaCreation POST /v1/apis/{apiId}/schemacreation
StartSchemaMerge POST /v1/mergedApis/{mergedApiIdentifier}/sourceApiAssociations/{associationId}/merge
TagResource POST /v1/tags/{resourceArn}
UntagResource DELETE /v1/tags/{resourceArn} q!tagKeys
UpdateApi POST /v2/apis/{apiId}
UpdateApiCache POST /v1/apis/{apiId}/ApiCaches/update
UpdateApiKey POST /v1/apis/{apiId}/apikeys/{id}
UpdateChannelNamespace POST /v2/apis/{apiId}/channelNamespaces/{name}
UpdateDataSource POST /v1/apis/{apiId}/datasources/{name}
UpdateDomainName POST /v1/domainnames/{domainName}
UpdateFunction POST /v1/apis/{apiId}/functions/{functionId}
UpdateGraphqlApi POST /v1/apis/{apiId}
UpdateResolver POST /v1/apis/{apiId}/types/{typeName}/resolvers/{fieldName}
UpdateSourceApiAssociation POST /v1/mergedApis/{mergedApiIdentifier}/sourceApiAssociations/{associationId}
UpdateType POST /v1/apis/{apiId}/types/{typeName}
""",
    "aps": """\
CreateAlertManagerDefinition POST /workspaces/{workspaceId}/alertmanager/definition
CreateAnomalyDetector POST /workspaces/{workspaceId}/anomalydetectors
CreateLoggingConfiguration POST /workspaces/{workspaceId}/logging
CreateQueryLoggingConfiguration POST /workspaces/{workspaceId}/logging/query
CreateRuleGroupsNamespace POST /workspaces/{workspaceId}/rulegroupsnamespaces
CreateScraper POST /scrapers
CreateWorkspace POST /workspaces
DeleteAlertManagerDefinition DELETE /workspaces/{workspaceId}/alertmanager/definition q:clientToken
DeleteAnomalyDetector DELETE /workspaces/{workspaceId}/anomalydetectors/{anomalyDetectorId} q:clientToken
DeleteLoggingConfiguration DELETE /workspaces/{workspaceId}/logging q:clientToken
DeleteQueryLoggingConfiguration DELETE /workspaces/{workspaceId}/logging/query q:clientToken
DeleteResourcePolicy DELETE /workspaces/{workspaceId}/policy q:clientToken q:revisionId
DeleteRuleGroupsNamespace DELETE /workspaces/{workspaceId}/rulegroupsnamespaces/{name} q:clientToken
DeleteScraper DELETE /scrapers/{scraperId} q:clientToken
DeleteScraperLoggingConfiguration DELETE /scrapers/{scraperId}/logging-configuration q:clientToken
DeleteWorkspace DELETE /workspaces/{workspaceId} q:clientToken
DescribeAlertManagerDefinition GET /workspaces/{workspaceId}/alertmanager/definition
DescribeAnomalyDetector GET /workspaces/{workspaceId}/anomalydetectors/{anomalyDetectorId}
DescribeLoggingConfiguration GET /workspaces/{workspaceId}/logging
DescribeQueryLoggingConfiguration GET /workspaces/{workspaceId}/logging/query
DescribeResourcePolicy GET /workspaces/{workspaceId}/policy
DescribeRuleGroupsNamespace GET /workspaces/{workspaceId}/rulegroupsnamespaces/{name}
DescribeScraper GET /scrapers/{scraperId}
DescribeScraperLoggingConfiguration GET /scrapers/{scraperId}/logging-configuration
DescribeWorkspace GET /workspaces/{workspaceId}
DescribeWorkspaceConfiguration GET /workspaces/{workspaceId}/configuration
GetDefaultScraperConfiguration GET /scraperconfiguration
ListAnomalyDetectors GET /workspaces/{workspaceId}/anomalydetectors q:alias q:maxResults q:nextToken
ListRuleGroupsNamespaces GET /workspaces/{workspaceId}/rulegroupsnamespaces q:name q:nextToken q:maxResults
ListScrapers GET /scrapers q:filters q:nextToken q:maxResults
ListTagsForResource GET /tags/{resourceArn}
ListWorkspaces GET /workspaces q:nextToken q:alias q:maxResults
PutAlertManagerDefinition PUT /workspaces/{workspaceId}/alertmanager/definition
PutAnomalyDetector PUT /workspaces/{workspaceId}/anomalydetectors/{anomalyDetectorId}
PutResourcePolicy PUT /workspaces/{workspaceId}/policy
PutRuleGroupsNamespace PUT /workspaces/{workspaceId}/rulegroupsnamespaces/{name}
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
UpdateLoggingConfiguration PUT /workspaces/{workspaceId}/logging
UpdateQueryLoggingConfiguration PUT /workspaces/{workspaceId}/logging/query
UpdateScraper PUT /scrapers/{scraperId}
UpdateScraperLoggingConfiguration PUT /scrapers/{scraperId}/logging-configuration
UpdateWorkspaceAlias POST /workspaces/{workspaceId}/alias
UpdateWorkspaceConfiguration PATCH /workspaces/{workspaceId}/configuration
""",
    "backup": """\
AssociateBackupVaultMpaApprovalTeam PUT /backup-vaults/{backupVaultName}/mpaApprovalTeam u:backupVaultName=BackupVaultName
CancelLegalHold DELETE /legal-holds/{legalHoldId} u:legalHoldId=LegalHoldId q!cancelDescription=CancelDescription q:retainRecordInDays=RetainRecordInDays
CreateBackupAccessPoint PUT /backup-access-point/create
CreateBackupPlan PUT /backup/plans/
CreateBackupSelection PUT /backup/plans/{backupPlanId}/selections/ u:backupPlanId=BackupPlanId
CreateBackupVault PUT /backup-vaults/{backupVaultName} u:backupVaultName=BackupVaultName
CreateFramework POST /audit/frameworks
CreateLegalHold POST /legal-holds/
CreateLogicallyAirGappedBackupVault PUT /logically-air-gapped-backup-vaults/{backupVaultName} u:backupVaultName=BackupVaultName
CreateReportPlan POST /audit/report-plans
CreateRestoreAccessBackupVault PUT /restore-access-backup-vaults
CreateRestoreTestingPlan PUT /restore-testing/plans
CreateRestoreTestingSelection PUT /restore-testing/plans/{RestoreTestingPlanName}/selections
CreateTieringConfiguration PUT /tiering-configurations
DeleteBackupAccessPoint DELETE /backup-access-point/delete/{AccessPointArn}
DeleteBackupPlan DELETE /backup/plans/{backupPlanId} u:backupPlanId=BackupPlanId
DeleteBackupSelection DELETE /backup/plans/{backupPlanId}/selections/{selectionId} u:backupPlanId=BackupPlanId u:selectionId=SelectionId
DeleteBackupVault DELETE /backup-vaults/{backupVaultName} u:backupVaultName=BackupVaultName
DeleteBackupVaultAccessPolicy DELETE /backup-vaults/{backupVaultName}/access-policy u:backupVaultName=BackupVaultName
DeleteBackupVaultLockConfiguration DELETE /backup-vaults/{backupVaultName}/vault-lock u:backupVaultName=BackupVaultName
DeleteBackupVaultNotifications DELETE /backup-vaults/{backupVaultName}/notification-configuration u:backupVaultName=BackupVaultName
DeleteFramework DELETE /audit/frameworks/{frameworkName} u:frameworkName=FrameworkName
DeleteRecoveryPoint DELETE /backup-vaults/{backupVaultName}/recovery-points/{recoveryPointArn} u:backupVaultName=BackupVaultName u:recoveryPointArn=RecoveryPointArn
DeleteReportPlan DELETE /audit/report-plans/{reportPlanName} u:reportPlanName=ReportPlanName
DeleteRestoreTestingPlan DELETE /restore-testing/plans/{RestoreTestingPlanName}
DeleteRestoreTestingSelection DELETE /restore-testing/plans/{RestoreTestingPlanName}/selections/{RestoreTestingSelectionName}
DeleteTieringConfiguration DELETE /tiering-configurations/{tieringConfigurationName} u:tieringConfigurationName=TieringConfigurationName
DescribeBackupAccessPoint GET /backup-access-point/{AccessPointArn}
DescribeBackupJob GET /backup-jobs/{backupJobId} u:backupJobId=BackupJobId
DescribeBackupVault GET /backup-vaults/{backupVaultName} u:backupVaultName=BackupVaultName q:backupVaultAccountId=BackupVaultAccountId
DescribeCopyJob GET /copy-jobs/{copyJobId} u:copyJobId=CopyJobId
DescribeFramework GET /audit/frameworks/{frameworkName} u:frameworkName=FrameworkName
DescribeGlobalSettings GET /global-settings
DescribeProtectedResource GET /resources/{resourceArn} u:resourceArn=ResourceArn
DescribeRecoveryPoint GET /backup-vaults/{backupVaultName}/recovery-points/{recoveryPointArn} u:backupVaultName=BackupVaultName u:recoveryPointArn=RecoveryPointArn q:backupVaultAccountId=BackupVaultAccountId
DescribeRegionSettings GET /account-settings
DescribeReportJob GET /audit/report-jobs/{reportJobId} u:reportJobId=ReportJobId
DescribeReportPlan GET /audit/report-plans/{reportPlanName} u:reportPlanName=ReportPlanName
DescribeRestoreJob GET /restore-jobs/{restoreJobId} u:restoreJobId=RestoreJobId
DescribeScanJob GET /scan/jobs/{ScanJobId}
DisassociateBackupVaultMpaApprovalTeam POST /backup-vaults/{backupVaultName}/mpaApprovalTeam?delete u:backupVaultName=BackupVaultName
DisassociateRecoveryPoint POST /backup-vaults/{backupVaultName}/recovery-points/{recoveryPointArn}/disassociate u:backupVaultName=BackupVaultName u:recoveryPointArn=RecoveryPointArn
DisassociateRecoveryPointFromParent DELETE /backup-vaults/{backupVaultName}/recovery-points/{recoveryPointArn}/parentAssociation u:backupVaultName=BackupVaultName u:recoveryPointArn=RecoveryPointArn
ExportBackupPlanTemplate GET /backup/plans/{backupPlanId}/toTemplate/ u:backupPlanId=BackupPlanId
GetBackupPlan GET /backup/plans/{backupPlanId}/ u:backupPlanId=BackupPlanId q:versionId=VersionId q:MaxScheduledRunsPreview
GetBackupPlanFromJSON POST /backup/template/json/toPlan
GetBackupPlanFromTemplate GET /backup/template/plans/{templateId}/toPlan u:templateId=BackupPlanTemplateId
GetBackupSelection GET /backup/plans/{backupPlanId}/selections/{selectionId} u:backupPlanId=BackupPlanId u:selectionId=SelectionId
GetBackupVaultAccessPolicy GET /backup-vaults/{backupVaultName}/access-policy u:backupVaultName=BackupVaultName
GetBackupVaultNotifications GET /backup-vaults/{backupVaultName}/notification-configuration u:backupVaultName=BackupVaultName
GetLegalHold GET /legal-holds/{legalHoldId}/ u:legalHoldId=LegalHoldId
GetPITRMalwareScanResults GET /scan/pitr-malware-scan-results q!RecoveryPointArn q!BackupVaultName q!ScanEndTime q!MalwareScanner
GetRecoveryPointIndexDetails GET /backup-vaults/{backupVaultName}/recovery-points/{recoveryPointArn}/index u:backupVaultName=BackupVaultName u:recoveryPointArn=RecoveryPointArn
GetRecoveryPointRestoreMetadata GET /backup-vaults/{backupVaultName}/recovery-points/{recoveryPointArn}/restore-metadata u:backupVaultName=BackupVaultName u:recoveryPointArn=RecoveryPointArn q:backupVaultAccountId=BackupVaultAccountId
GetRestoreJobMetadata GET /restore-jobs/{restoreJobId}/metadata u:restoreJobId=RestoreJobId
GetRestoreTestingInferredMetadata GET /restore-testing/inferred-metadata q:BackupVaultAccountId q!BackupVaultName q!RecoveryPointArn
GetRestoreTestingPlan GET /restore-testing/plans/{RestoreTestingPlanName}
GetRestoreTestingSelection GET /restore-testing/plans/{RestoreTestingPlanName}/selections/{RestoreTestingSelectionName}
GetSupportedResourceTypes GET /supported-resource-types
GetTieringConfiguration GET /tiering-configurations/{tieringConfigurationName} u:tieringConfigurationName=TieringConfigurationName
ListBackupAccessPoints GET /backup-access-point q:MaxResults q:NextToken
ListBackupAccessPointsByRecoveryPoint POST /backup-access-point/recovery-point/{RecoveryPointArn} q:MaxResults q:NextToken
ListBackupAccessPointsByResource POST /backup-access-point/resource/{ResourceArn} q:MaxResults q:NextToken
ListBackupJobSummaries GET /audit/backup-job-summaries q:AccountId q:State q:ResourceType q:MessageCategory q:AggregationPeriod q:MaxResults q:NextToken
ListBackupJobs GET /backup-jobs/ q:nextToken=NextToken q:maxResults=MaxResults q:resourceArn=ByResourceArn q:state=ByState q:backupVaultName=ByBackupVaultName q:createdBefore=ByCreatedBefore q:createdAfter=ByCreatedAfter q:resourceType=ByResourceType q:accountId=ByAccountId q:completeAfter=ByCompleteAfter q:completeBefore=ByCompleteBefore q:parentJobId=ByParentJobId q:messageCategory=ByMessageCategory
ListBackupPlanTemplates GET /backup/template/plans q:nextToken=NextToken q:maxResults=MaxResults
ListBackupPlanVersions GET /backup/plans/{backupPlanId}/versions/ u:backupPlanId=BackupPlanId q:nextToken=NextToken q:maxResults=MaxResults
ListBackupPlans GET /backup/plans/ q:nextToken=NextToken q:maxResults=MaxResults q:includeDeleted=IncludeDeleted
ListBackupSelections GET /backup/plans/{backupPlanId}/selections/ u:backupPlanId=BackupPlanId q:nextToken=NextToken q:maxResults=MaxResults
ListBackupVaults GET /backup-vaults/ q:vaultType=ByVaultType q:shared=ByShared q:nextToken=NextToken q:maxResults=MaxResults
ListCopyJobSummaries GET /audit/copy-job-summaries q:AccountId q:State q:ResourceType q:MessageCategory q:AggregationPeriod q:MaxResults q:NextToken
ListCopyJobs GET /copy-jobs/ q:nextToken=NextToken q:maxResults=MaxResults q:resourceArn=ByResourceArn q:state=ByState q:createdBefore=ByCreatedBefore q:createdAfter=ByCreatedAfter q:resourceType=ByResourceType q:destinationVaultArn=ByDestinationVaultArn q:accountId=ByAccountId q:completeBefore=ByCompleteBefore q:completeAfter=ByCompleteAfter q:parentJobId=ByParentJobId q:messageCategory=ByMessageCategory q:sourceRecoveryPointArn=BySourceRecoveryPointArn
ListFrameworks GET /audit/frameworks q:MaxResults q:NextToken
ListIndexedRecoveryPoints GET /indexes/recovery-point/ q:nextToken=NextToken q:maxResults=MaxResults q:sourceResourceArn=SourceResourceArn q:createdBefore=CreatedBefore q:createdAfter=CreatedAfter q:resourceType=ResourceType q:indexStatus=IndexStatus
ListLegalHolds GET /legal-holds/ q:nextToken=NextToken q:maxResults=MaxResults
ListProtectedResources GET /resources/ q:nextToken=NextToken q:maxResults=MaxResults
ListProtectedResourcesByBackupVault GET /backup-vaults/{backupVaultName}/resources/ u:backupVaultName=BackupVaultName q:backupVaultAccountId=BackupVaultAccountId q:nextToken=NextToken q:maxResults=MaxResults
ListRecoveryPointsByBackupVault GET /backup-vaults/{backupVaultName}/recovery-points/ u:backupVaultName=BackupVaultName q:backupVaultAccountId=BackupVaultAccountId q:nextToken=NextToken q:maxResults=MaxResults q:resourceArn=ByResourceArn q:resourceType=ByResourceType q:backupPlanId=ByBackupPlanId q:createdBefore=ByCreatedBefore q:createdAfter=ByCreatedAfter q:parentRecoveryPointArn=ByParentRecoveryPointArn
ListRecoveryPointsByLegalHold GET /legal-holds/{legalHoldId}/recovery-points u:legalHoldId=LegalHoldId q:nextToken=NextToken q:maxResults=MaxResults
ListRecoveryPointsByResource GET /resources/{resourceArn}/recovery-points/ u:resourceArn=ResourceArn q:nextToken=NextToken q:maxResults=MaxResults q:managedByAWSBackupOnly=ManagedByAWSBackupOnly
ListReportJobs GET /audit/report-jobs q:ReportPlanName=ByReportPlanName q:CreationBefore=ByCreationBefore q:CreationAfter=ByCreationAfter q:Status=ByStatus q:MaxResults q:NextToken
ListReportPlans GET /audit/report-plans q:MaxResults q:NextToken
ListRestoreAccessBackupVaults GET /logically-air-gapped-backup-vaults/{backupVaultName}/restore-access-backup-vaults/ u:backupVaultName=BackupVaultName q:nextToken=NextToken q:maxResults=MaxResults
ListRestoreJobSummaries GET /audit/restore-job-summaries q:AccountId q:State q:ResourceType q:AggregationPeriod q:MaxResults q:NextToken
ListRestoreJobs GET /restore-jobs/ q:nextToken=NextToken q:maxResults=MaxResults q:accountId=ByAccountId q:resourceType=ByResourceType q:createdBefore=ByCreatedBefore q:createdAfter=ByCreatedAfter q:status=ByStatus q:completeBefore=ByCompleteBefore q:completeAfter=ByCompleteAfter q:restoreTestingPlanArn=ByRestoreTestingPlanArn q:parentJobId=ByParentJobId
ListRestoreJobsByProtectedResource GET /resources/{resourceArn}/restore-jobs/ u:resourceArn=ResourceArn q:status=ByStatus q:recoveryPointCreationDateAfter=ByRecoveryPointCreationDateAfter q:recoveryPointCreationDateBefore=ByRecoveryPointCreationDateBefore q:nextToken=NextToken q:maxResults=MaxResults
ListRestoreTestingPlans GET /restore-testing/plans q:MaxResults q:NextToken
ListRestoreTestingSelections GET /restore-testing/plans/{RestoreTestingPlanName}/selections q:MaxResults q:NextToken
ListScanJobSummaries GET /audit/scan-job-summaries q:AccountId q:ResourceType q:MalwareScanner q:ScanResultStatus q:State q:AggregationPeriod q:MaxResults q:NextToken
ListScanJobs GET /scan/jobs q:ByAccountId q:ByBackupVaultName q:ByCompleteAfter q:ByCompleteBefore q:ByMalwareScanner q:ByRecoveryPointArn q:ByResourceArn q:ByResourceType q:ByScanResultStatus q:ByState q:MaxResults q:NextToken
ListTags GET /tags/{resourceArn}/ u:resourceArn=ResourceArn q:nextToken=NextToken q:maxResults=MaxResults
ListTieringConfigurations GET /tiering-configurations/ q:maxResults=MaxResults q:nextToken=NextToken
PutBackupVaultAccessPolicy PUT /backup-vaults/{backupVaultName}/access-policy u:backupVaultName=BackupVaultName
PutBackupVaultLockConfiguration PUT /backup-vaults/{backupVaultName}/vault-lock u:backupVaultName=BackupVaultName
PutBackupVaultNotifications PUT /backup-vaults/{backupVaultName}/notification-configuration u:backupVaultName=BackupVaultName
PutRestoreValidationResult PUT /restore-jobs/{restoreJobId}/validations u:restoreJobId=RestoreJobId
RevokeRestoreAccessBackupVault DELETE /logically-air-gapped-backup-vaults/{backupVaultName}/restore-access-backup-vaults/{restoreAccessBackupVaultArn} u:backupVaultName=BackupVaultName u:restoreAccessBackupVaultArn=RestoreAccessBackupVaultArn q:requesterComment=RequesterComment
StartBackupJob PUT /backup-jobs
StartCopyJob PUT /copy-jobs
StartReportJob POST /audit/report-jobs/{reportPlanName} u:reportPlanName=ReportPlanName
StartRestoreJob PUT /restore-jobs
StartScanJob PUT /scan/job
StopBackupJob POST /backup-jobs/{backupJobId} u:backupJobId=BackupJobId
TagResource POST /tags/{resourceArn} u:resourceArn=ResourceArn
UntagResource POST /untag/{resourceArn} u:resourceArn=ResourceArn
UpdateBackupPlan POST /backup/plans/{backupPlanId} u:backupPlanId=BackupPlanId
UpdateFramework PUT /audit/frameworks/{frameworkName} u:frameworkName=FrameworkName
UpdateGlobalSettings PUT /global-settings
UpdateRecoveryPointIndexSettings POST /backup-vaults/{backupVaultName}/recovery-points/{recoveryPointArn}/index u:backupVaultName=BackupVaultName u:recoveryPointArn=RecoveryPointArn
UpdateRecoveryPointLifecycle POST /backup-vaults/{backupVaultName}/recovery-points/{recoveryPointArn} u:backupVaultName=BackupVaultName u:recoveryPointArn=RecoveryPointArn
UpdateRegionSettings PUT /account-settings
UpdateReportPlan PUT /audit/report-plans/{reportPlanName} u:reportPlanName=ReportPlanName
UpdateRestoreTestingPlan PUT /restore-testing/plans/{RestoreTestingPlanName}
UpdateRestoreTestingSelection PUT /restore-testing/plans/{RestoreTestingPlanName}/selections/{RestoreTestingSelectionName}
UpdateTieringConfiguration PUT /tiering-configurations/{tieringConfigurationName} u:tieringConfigurationName=TieringConfigurationName
""",
    "batch": """\
CancelJob POST /v1/canceljob
CancelJobs POST /v1/canceljobs
CreateComputeEnvironment POST /v1/createcomputeenvironment
CreateConsumableResource POST /v1/createconsumableresource
CreateJobQueue POST /v1/createjobqueue
CreateQuotaShare POST /v1/createquotashare
CreateSchedulingPolicy POST /v1/createschedulingpolicy
CreateServiceEnvironment POST /v1/createserviceenvironment
DeleteComputeEnvironment POST /v1/deletecomputeenvironment
DeleteConsumableResource POST /v1/deleteconsumableresource
DeleteJobQueue POST /v1/deletejobqueue
DeleteQuotaShare POST /v1/deletequotashare
DeleteSchedulingPolicy POST /v1/deleteschedulingpolicy
DeleteServiceEnvironment POST /v1/deleteserviceenvironment
DeregisterJobDefinition POST /v1/deregisterjobdefinition
DescribeComputeEnvironments POST /v1/describecomputeenvironments
DescribeConsumableResource POST /v1/describeconsumableresource
DescribeJobDefinitions POST /v1/describejobdefinitions
DescribeJobQueues POST /v1/describejobqueues
DescribeJobs POST /v1/describejobs
DescribeQuotaShare POST /v1/describequotashare
DescribeSchedulingPolicies POST /v1/describeschedulingpolicies
DescribeServiceEnvironments POST /v1/describeserviceenvironments
DescribeServiceJob POST /v1/describeservicejob
GetJobQueueSnapshot POST /v1/getjobqueuesnapshot
ListConsumableResources POST /v1/listconsumableresources
ListJobs POST /v1/listjobs
ListJobsByConsumableResource POST /v1/listjobsbyconsumableresource
ListQuotaShares POST /v1/listquotashares
ListSchedulingPolicies POST /v1/listschedulingpolicies
ListServiceJobs POST /v1/listservicejobs
ListTagsForResource GET /v1/tags/{resourceArn}
RegisterJobDefinition POST /v1/registerjobdefinition
SubmitJob POST /v1/submitjob
SubmitServiceJob POST /v1/submitservicejob
TagResource POST /v1/tags/{resourceArn}
TerminateJob POST /v1/terminatejob
TerminateJobs POST /v1/terminatejobs
TerminateServiceJob POST /v1/terminateservicejob
TerminateServiceJobs POST /v1/terminateservicejobs
UntagResource DELETE /v1/tags/{resourceArn} q!tagKeys
UpdateComputeEnvironment POST /v1/updatecomputeenvironment
UpdateConsumableResource POST /v1/updateconsumableresource
UpdateJobQueue POST /v1/updatejobqueue
UpdateQuotaShare POST /v1/updatequotashare
UpdateSchedulingPolicy POST /v1/updateschedulingpolicy
UpdateServiceEnvironment POST /v1/updateserviceenvironment
UpdateServiceJob POST /v1/updateservicejob
""",
    "bedrock": """\
ArchiveProject POST /projects/{projectIdentifier}/archive
BatchDeleteAdvancedPromptOptimizationJob POST /advanced-prompt-optimization-job/batch-delete
BatchDeleteEvaluationJob POST /evaluation-jobs/batch-delete
CancelAutomatedReasoningPolicyBuildWorkflow POST /automated-reasoning-policies/{policyArn}/build-workflows/{buildWorkflowId}/cancel
CreateAdvancedPromptOptimizationJob POST /advanced-prompt-optimization-jobs
CreateAutomatedReasoningPolicy POST /automated-reasoning-policies
CreateAutomatedReasoningPolicyTestCase POST /automated-reasoning-policies/{policyArn}/test-cases
CreateAutomatedReasoningPolicyVersion POST /automated-reasoning-policies/{policyArn}/versions
CreateCustomModel POST /custom-models/create-custom-model
CreateCustomModelDeployment POST /model-customization/custom-model-deployments
CreateEvaluationJob POST /evaluation-jobs
CreateFoundationModelAgreement POST /create-foundation-model-agreement
CreateGuardrail POST /guardrails
CreateGuardrailVersion POST /guardrails/{guardrailIdentifier}
CreateInferenceProfile POST /inference-profiles
CreateMarketplaceModelEndpoint POST /marketplace-model/endpoints
CreateModelCopyJob POST /model-copy-jobs
CreateModelCustomizationJob POST /model-customization-jobs
CreateModelImportJob POST /model-import-jobs
CreateModelInvocationJob POST /model-invocation-job
CreateProject POST /projects
CreatePromptRouter POST /prompt-routers
CreateProvisionedModelThroughput POST /provisioned-model-throughput
DeleteAccountDataRetentionStorage DELETE /v1/data_retention/storage/{modelProvider}
DeleteAutomatedReasoningPolicy DELETE /automated-reasoning-policies/{policyArn} q:force
DeleteAutomatedReasoningPolicyBuildWorkflow DELETE /automated-reasoning-policies/{policyArn}/build-workflows/{buildWorkflowId} q!updatedAt=lastUpdatedAt
DeleteAutomatedReasoningPolicyTestCase DELETE /automated-reasoning-policies/{policyArn}/test-cases/{testCaseId} q!updatedAt=lastUpdatedAt
DeleteCustomModel DELETE /custom-models/{modelIdentifier}
DeleteCustomModelDeployment DELETE /model-customization/custom-model-deployments/{customModelDeploymentIdentifier}
DeleteEnforcedGuardrailConfiguration DELETE /enforcedGuardrailsConfiguration/{configId}
DeleteFoundationModelAgreement POST /delete-foundation-model-agreement
DeleteGuardrail DELETE /guardrails/{guardrailIdentifier} q:guardrailVersion
DeleteImportedModel DELETE /imported-models/{modelIdentifier}
DeleteInferenceProfile DELETE /inference-profiles/{inferenceProfileIdentifier}
DeleteMarketplaceModelEndpoint DELETE /marketplace-model/endpoints/{endpointArn}
DeleteModelInvocationLoggingConfiguration DELETE /logging/modelinvocations
DeleteOrganizationDataRetentionStorage DELETE /v1/data_retention/organization-storage/{modelProvider}
DeleteProjectDataRetentionStorage DELETE /v1/projects/{projectIdentifier}/data_retention/storage/{modelProvider}
DeletePromptRouter DELETE /prompt-routers/{promptRouterArn}
DeleteProvisionedModelThroughput DELETE /provisioned-model-throughput/{provisionedModelId}
DeleteResourcePolicy DELETE /resource-policy/{resourceArn}
DeregisterMarketplaceModelEndpoint DELETE /marketplace-model/endpoints/{endpointArn}/registration
ExportAutomatedReasoningPolicyVersion GET /automated-reasoning-policies/{policyArn}/export
GetAccountDataRetention GET /data-retention
GetAccountDataRetentionStorage GET /v1/data_retention/storage/{modelProvider}
GetAdvancedPromptOptimizationJob GET /advanced-prompt-optimization-jobs/{jobIdentifier}
GetAutomatedReasoningPolicy GET /automated-reasoning-policies/{policyArn}
GetAutomatedReasoningPolicyAnnotations GET /automated-reasoning-policies/{policyArn}/build-workflows/{buildWorkflowId}/annotations
GetAutomatedReasoningPolicyBuildWorkflow GET /automated-reasoning-policies/{policyArn}/build-workflows/{buildWorkflowId}
GetAutomatedReasoningPolicyBuildWorkflowResultAssets GET /automated-reasoning-policies/{policyArn}/build-workflows/{buildWorkflowId}/result-assets q!assetType q:assetId
GetAutomatedReasoningPolicyNextScenario GET /automated-reasoning-policies/{policyArn}/build-workflows/{buildWorkflowId}/scenarios
GetAutomatedReasoningPolicyTestCase GET /automated-reasoning-policies/{policyArn}/test-cases/{testCaseId}
GetAutomatedReasoningPolicyTestResult GET /automated-reasoning-policies/{policyArn}/build-workflows/{buildWorkflowId}/test-cases/{testCaseId}/test-results
GetCustomModel GET /custom-models/{modelIdentifier}
GetCustomModelDeployment GET /model-customization/custom-model-deployments/{customModelDeploymentIdentifier}
GetEvaluationJob GET /evaluation-jobs/{jobIdentifier}
GetFoundationModel GET /foundation-models/{modelIdentifier} q:projectIdentifier
GetFoundationModelAvailability GET /foundation-model-availability/{modelId}
GetGuardrail GET /guardrails/{guardrailIdentifier} q:guardrailVersion
GetImportedModel GET /imported-models/{modelIdentifier}
GetInferenceProfile GET /inference-profiles/{inferenceProfileIdentifier} q:projectIdentifier
GetMarketplaceModelEndpoint GET /marketplace-model/endpoints/{endpointArn}
GetModelCopyJob GET /model-copy-jobs/{jobArn}
GetModelCustomizationJob GET /model-customization-jobs/{jobIdentifier}
GetModelImportJob GET /model-import-jobs/{jobIdentifier}
GetModelInvocationJob GET /model-invocation-job/{jobIdentifier}
GetModelInvocationLoggingConfiguration GET /logging/modelinvocations
GetOrganizationDataRetentionStorage GET /v1/data_retention/organization-storage/{modelProvider}
GetProject GET /projects/{projectIdentifier}
GetProjectDataRetentionStorage GET /v1/projects/{projectIdentifier}/data_retention/storage/{modelProvider}
GetPromptRouter GET /prompt-routers/{promptRouterArn}
GetProvisionedModelThroughput GET /provisioned-model-throughput/{provisionedModelId}
GetResourcePolicy GET /resource-policy/{resourceArn}
GetTrustedAccessProgram GET /trusted-access-programs/{programIdentifier} q:projectIdentifier
GetTrustedAccessProgramAccountEnrollment GET /trusted-access-programs/{programIdentifier}/account-enrollment
GetTrustedAccessProgramOrganizationEnrollment GET /trusted-access-programs/{programIdentifier}/organization-enrollment
GetTrustedAccessProgramProjectEnrollment GET /trusted-access-programs/{programIdentifier}/project-enrollment/{projectIdentifier}
GetUseCaseForModelAccess GET /use-case-for-model-access
ListAdvancedPromptOptimizationJobs GET /advanced-prompt-optimization-jobs q:maxResults q:nextToken q:sortBy q:sortOrder
ListAutomatedReasoningPolicies GET /automated-reasoning-policies q:policyArn q:nextToken q:maxResults
ListAutomatedReasoningPolicyBuildWorkflows GET /automated-reasoning-policies/{policyArn}/build-workflows q:nextToken q:maxResults
ListAutomatedReasoningPolicyTestCases GET /automated-reasoning-policies/{policyArn}/test-cases q:nextToken q:maxResults
ListAutomatedReasoningPolicyTestResults GET /automated-reasoning-policies/{policyArn}/build-workflows/{buildWorkflowId}/test-results q:nextToken q:maxResults
ListCustomModelDeployments GET /model-customization/custom-model-deployments q:createdBefore q:createdAfter q:nameContains q:maxResults q:nextToken q:sortBy q:sortOrder q:statusEquals q:modelArnEquals
ListCustomModels GET /custom-models q:creationTimeBefore q:creationTimeAfter q:nameContains q:baseModelArnEquals q:foundationModelArnEquals q:maxResults q:nextToken q:sortBy q:sortOrder q:isOwned q:modelStatus
ListEnforcedGuardrailsConfiguration GET /enforcedGuardrailsConfiguration q:nextToken
ListEvaluationJobs GET /evaluation-jobs q:creationTimeAfter q:creationTimeBefore q:statusEquals q:applicationTypeEquals q:nameContains q:maxResults q:nextToken q:sortBy q:sortOrder
ListFoundationModelAgreementOffers GET /list-foundation-model-agreement-offers/{modelId} q:offerType
ListFoundationModels GET /foundation-models q:byProvider q:byCustomizationType q:byOutputModality q:byInferenceType q:projectIdentifier
ListGuardrails GET /guardrails q:guardrailIdentifier q:maxResults q:nextToken
ListImportedModels GET /imported-models q:creationTimeBefore q:creationTimeAfter q:nameContains q:maxResults q:nextToken q:sortBy q:sortOrder
ListInferenceProfiles GET /inference-profiles q:maxResults q:nextToken q:type=typeEquals q:projectIdentifier
ListMarketplaceModelEndpoints GET /marketplace-model/endpoints q:maxResults q:nextToken q:modelSourceIdentifier=modelSourceEquals
ListModelCopyJobs GET /model-copy-jobs q:creationTimeAfter q:creationTimeBefore q:statusEquals q:sourceAccountEquals q:sourceModelArnEquals q:outputModelNameContains=targetModelNameContains q:maxResults q:nextToken q:sortBy q:sortOrder
ListModelCustomizationJobs GET /model-customization-jobs q:creationTimeAfter q:creationTimeBefore q:statusEquals q:nameContains q:maxResults q:nextToken q:sortBy q:sortOrder
ListModelImportJobs GET /model-import-jobs q:creationTimeAfter q:creationTimeBefore q:statusEquals q:nameContains q:maxResults q:nextToken q:sortBy q:sortOrder
ListModelInvocationJobs GET /model-invocation-jobs q:submitTimeAfter q:submitTimeBefore q:statusEquals q:nameContains q:maxResults q:nextToken q:sortBy q:sortOrder
ListProjects GET /projects q:nextToken q:maxResults q:statusFilter
ListPromptRouters GET /prompt-routers q:maxResults q:nextToken q:type
ListProvisionedModelThroughputs GET /provisioned-model-throughputs q:creationTimeAfter q:creationTimeBefore q:statusEquals q:modelArnEquals q:nameContains q:maxResults q:nextToken q:sortBy q:sortOrder
ListTagsForResource POST /listTagsForResource
ListTrustedAccessPrograms GET /trusted-access-programs q:projectIdentifier q:maxResults q:nextToken
PutAccountDataRetention PUT /data-retention
PutAccountDataRetentionStorage PUT /v1/data_retention/storage/{modelProvider}
PutEnforcedGuardrailConfiguration PUT /enforcedGuardrailsConfiguration
PutModelInvocationLoggingConfiguration PUT /logging/modelinvocations
PutOrganizationDataRetentionStorage PUT /v1/data_retention/organization-storage/{modelProvider}
PutProjectDataRetentionStorage PUT /v1/projects/{projectIdentifier}/data_retention/storage/{modelProvider}
PutResourcePolicy POST /resource-policy
PutTrustedAccessProgramAccountEnrollment PUT /trusted-access-programs/{programIdentifier}/account-enrollment
PutTrustedAccessProgramOrganizationEnrollment PUT /trusted-access-programs/{programIdentifier}/organization-enrollment
PutTrustedAccessProgramProjectEnrollment PUT /trusted-access-programs/{programIdentifier}/project-enrollment/{projectIdentifier}
PutUseCaseForModelAccess POST /use-case-for-model-access
RegisterMarketplaceModelEndpoint POST /marketplace-model/endpoints/{endpointIdentifier}/registration
StartAutomatedReasoningPolicyBuildWorkflow POST /automated-reasoning-policies/{policyArn}/build-workflows/{buildWorkflowType}/start h:x-amz-client-token=clientRequestToken
StartAutomatedReasoningPolicyTestWorkflow POST /automated-reasoning-policies/{policyArn}/build-workflows/{buildWorkflowId}/test-workflows
StartTrustedAccessProgramAccountApplication POST /trusted-access-programs/{programIdentifier}/account-application
StartTrustedAccessProgramOrganizationApplication POST /trusted-access-programs/{programIdentifier}/organization-application
StartTrustedAccessProgramProjectApplication POST /trusted-access-programs/{programIdentifier}/project-application/{projectIdentifier}
StopAdvancedPromptOptimizationJob POST /advanced-prompt-optimization-jobs/{jobIdentifier}/stop
StopEvaluationJob POST /evaluation-job/{jobIdentifier}/stop
StopModelCustomizationJob POST /model-customization-jobs/{jobIdentifier}/stop
StopModelInvocationJob POST /model-invocation-job/{jobIdentifier}/stop
TagResource POST /tagResource
UntagResource POST /untagResource
UpdateAutomatedReasoningPolicy PATCH /automated-reasoning-policies/{policyArn}
UpdateAutomatedReasoningPolicyAnnotations PATCH /automated-reasoning-policies/{policyArn}/build-workflows/{buildWorkflowId}/annotations
UpdateAutomatedReasoningPolicyTestCase PATCH /automated-reasoning-policies/{policyArn}/test-cases/{testCaseId}
UpdateCustomModelDeployment PATCH /model-customization/custom-model-deployments/{customModelDeploymentIdentifier}
UpdateGuardrail PUT /guardrails/{guardrailIdentifier}
UpdateMarketplaceModelEndpoint PATCH /marketplace-model/endpoints/{endpointArn}
UpdateProject POST /projects/{projectIdentifier}
UpdateProvisionedModelThroughput PATCH /provisioned-model-throughput/{provisionedModelId}
""",
    "bedrock-agent": """\
AssociateAgentCollaborator PUT /agents/{agentId}/agentversions/{agentVersion}/agentcollaborators/
AssociateAgentKnowledgeBase PUT /agents/{agentId}/agentversions/{agentVersion}/knowledgebases/
CreateAgent PUT /agents/
CreateAgentActionGroup PUT /agents/{agentId}/agentversions/{agentVersion}/actiongroups/
CreateAgentAlias PUT /agents/{agentId}/agentaliases/
CreateDataSource PUT /knowledgebases/{knowledgeBaseId}/datasources/
CreateFlow POST /flows/
CreateFlowAlias POST /flows/{flowIdentifier}/aliases
CreateFlowVersion POST /flows/{flowIdentifier}/versions
CreateKnowledgeBase PUT /knowledgebases/
CreatePrompt POST /prompts/
CreatePromptVersion POST /prompts/{promptIdentifier}/versions
CreateRetrievalInstruction POST /retrievalinstructions/
CreateRetrievalInstructionVersion POST /retrievalinstructions/{retrievalInstructionId}/versions
CreateVpcConfiguration POST /knowledgebases/{knowledgeBaseId}/vpcconfigurations/
DeleteAgent DELETE /agents/{agentId}/ q:skipResourceInUseCheck
DeleteAgentActionGroup DELETE /agents/{agentId}/agentversions/{agentVersion}/actiongroups/{actionGroupId}/ q:skipResourceInUseCheck
DeleteAgentAlias DELETE /agents/{agentId}/agentaliases/{agentAliasId}/
DeleteAgentVersion DELETE /agents/{agentId}/agentversions/{agentVersion}/ q:skipResourceInUseCheck
DeleteDataSource DELETE /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}
DeleteFlow DELETE /flows/{flowIdentifier}/ q:skipResourceInUseCheck
DeleteFlowAlias DELETE /flows/{flowIdentifier}/aliases/{aliasIdentifier}
DeleteFlowVersion DELETE /flows/{flowIdentifier}/versions/{flowVersion}/ q:skipResourceInUseCheck
DeleteKnowledgeBase DELETE /knowledgebases/{knowledgeBaseId}
DeleteKnowledgeBaseDocuments POST /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}/documents/deleteDocuments
DeletePrompt DELETE /prompts/{promptIdentifier}/ q:promptVersion
DeleteResourcePolicy DELETE /resourcepolicy/{resourceArn} q:expectedRevisionId
DeleteRetrievalInstruction DELETE /retrievalinstructions/{retrievalInstructionId} q:retrievalInstructionVersion
DeleteVpcConfiguration DELETE /knowledgebases/{knowledgeBaseId}/vpcconfigurations/{vpcConfigurationId}
DisassociateAgentCollaborator DELETE /agents/{agentId}/agentversions/{agentVersion}/agentcollaborators/{collaboratorId}/
DisassociateAgentKnowledgeBase DELETE /agents/{agentId}/agentversions/{agentVersion}/knowledgebases/{knowledgeBaseId}/
GetAgent GET /agents/{agentId}/
GetAgentActionGroup GET /agents/{agentId}/agentversions/{agentVersion}/actiongroups/{actionGroupId}/
GetAgentAlias GET /agents/{agentId}/agentaliases/{agentAliasId}/
GetAgentCollaborator GET /agents/{agentId}/agentversions/{agentVersion}/agentcollaborators/{collaboratorId}/
GetAgentKnowledgeBase GET /agents/{agentId}/agentversions/{agentVersion}/knowledgebases/{knowledgeBaseId}/
GetAgentVersion GET /agents/{agentId}/agentversions/{agentVersion}/
GetDataSource GET /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}
GetFlow GET /flows/{flowIdentifier}/ q:includedData
GetFlowAlias GET /flows/{flowIdentifier}/aliases/{aliasIdentifier}
GetFlowVersion GET /flows/{flowIdentifier}/versions/{flowVersion}/ q:includedData
GetIngestionJob GET /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}/ingestionjobs/{ingestionJobId}
GetKnowledgeBase GET /knowledgebases/{knowledgeBaseId}
GetKnowledgeBaseDocuments POST /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}/documents/getDocuments
GetPrompt GET /prompts/{promptIdentifier}/ q:promptVersion q:includedData
GetResourcePolicy GET /resourcepolicy/{resourceArn}
GetRetrievalInstruction GET /retrievalinstructions/{retrievalInstructionId} q:retrievalInstructionVersion
GetVpcConfiguration GET /knowledgebases/{knowledgeBaseId}/vpcconfigurations/{vpcConfigurationId}
IngestKnowledgeBaseDocuments PUT /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}/documents
ListAgentActionGroups POST /agents/{agentId}/agentversions/{agentVersion}/actiongroups/
ListAgentAliases POST /agents/{agentId}/agentaliases/
ListAgentCollaborators POST /agents/{agentId}/agentversions/{agentVersion}/agentcollaborators/
ListAgentKnowledgeBases POST /agents/{agentId}/agentversions/{agentVersion}/knowledgebases/
ListAgentVersions POST /agents/{agentId}/agentversions/
ListAgents POST /agents/
ListDataSources POST /knowledgebases/{knowledgeBaseId}/datasources/
ListFlowAliases GET /flows/{flowIdentifier}/aliases q:maxResults q:nextToken
ListFlowVersions GET /flows/{flowIdentifier}/versions q:maxResults q:nextToken
ListFlows GET /flows/ q:maxResults q:nextToken
ListIngestionJobs POST /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}/ingestionjobs/
ListKnowledgeBaseDocuments POST /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}/documents
ListKnowledgeBases POST /knowledgebases/
ListPrompts GET /prompts/ q:promptIdentifier q:maxResults q:nextToken
ListRetrievalInstructionVersions GET /retrievalinstructions/{retrievalInstructionId}/versions q:maxResults q:nextToken
ListRetrievalInstructions GET /retrievalinstructions/ q:status q:maxResults q:nextToken
ListTagsForResource GET /tags/{resourceArn}
ListVpcConfigurations GET /knowledgebases/{knowledgeBaseId}/vpcconfigurations/ q:status=statusFilter q:maxResults q:nextToken
PrepareAgent POST /agents/{agentId}/
PrepareFlow POST /flows/{flowIdentifier}/
PutResourcePolicy PUT /resourcepolicy/{resourceArn}
StartIngestionJob PUT /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}/ingestionjobs/
StopIngestionJob POST /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}/ingestionjobs/{ingestionJobId}/stop
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
UpdateAgent PUT /agents/{agentId}/
UpdateAgentActionGroup PUT /agents/{agentId}/agentversions/{agentVersion}/actiongroups/{actionGroupId}/
UpdateAgentAlias PUT /agents/{agentId}/agentaliases/{agentAliasId}/
UpdateAgentCollaborator PUT /agents/{agentId}/agentversions/{agentVersion}/agentcollaborators/{collaboratorId}/
UpdateAgentKnowledgeBase PUT /agents/{agentId}/agentversions/{agentVersion}/knowledgebases/{knowledgeBaseId}/
UpdateDataSource PUT /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}
UpdateFlow PUT /flows/{flowIdentifier}/
UpdateFlowAlias PUT /flows/{flowIdentifier}/aliases/{aliasIdentifier}
UpdateKnowledgeBase PUT /knowledgebases/{knowledgeBaseId}
UpdatePrompt PUT /prompts/{promptIdentifier}/
UpdateRetrievalInstruction PUT /retrievalinstructions/{retrievalInstructionId}
ValidateFlowDefinition POST /flows/validate-definition
""",
    "bedrock-agent-runtime": """\
AgenticRetrieveStream POST /agenticRetrieveStream
CheckIngestedDocumentAcl POST /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}/check-ingested-document-acl
CreateInvocation PUT /sessions/{sessionIdentifier}/invocations/
CreateSession PUT /sessions/
DeleteAgentMemory DELETE /agents/{agentId}/agentAliases/{agentAliasId}/memories q:memoryId q:sessionId
DeleteSession DELETE /sessions/{sessionIdentifier}/
EndSession PATCH /sessions/{sessionIdentifier}
GenerateQuery POST /generateQuery
GetAgentMemory GET /agents/{agentId}/agentAliases/{agentAliasId}/memories q:maxItems q!memoryId q!memoryType q:nextToken
GetDocumentContent POST /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}/documents/{documentId}/content
GetExecutionFlowSnapshot GET /flows/{flowIdentifier}/aliases/{flowAliasIdentifier}/executions/{executionIdentifier}/flowsnapshot
GetFlowExecution GET /flows/{flowIdentifier}/aliases/{flowAliasIdentifier}/executions/{executionIdentifier}
GetIngestedDocumentAcl POST /knowledgebases/{knowledgeBaseId}/datasources/{dataSourceId}/get-ingested-document-acl
GetInvocationStep POST /sessions/{sessionIdentifier}/invocationSteps/{invocationStepId}
GetSession GET /sessions/{sessionIdentifier}/
InvokeAgent POST /agents/{agentId}/agentAliases/{agentAliasId}/sessions/{sessionId}/text h:x-amz-source-arn=sourceArn
InvokeFlow POST /flows/{flowIdentifier}/aliases/{flowAliasIdentifier}
InvokeInlineAgent POST /agents/{sessionId}
ListFlowExecutionEvents GET /flows/{flowIdentifier}/aliases/{flowAliasIdentifier}/executions/{executionIdentifier}/events q!eventType q:maxResults q:nextToken
ListFlowExecutions GET /flows/{flowIdentifier}/executions q:flowAliasIdentifier q:maxResults q:nextToken
ListInvocationSteps POST /sessions/{sessionIdentifier}/invocationSteps/ q:maxResults q:nextToken
ListInvocations POST /sessions/{sessionIdentifier}/invocations/ q:maxResults q:nextToken
ListSessions POST /sessions/ q:maxResults q:nextToken
ListTagsForResource GET /tags/{resourceArn}
OptimizePrompt POST /optimize-prompt
PutInvocationStep PUT /sessions/{sessionIdentifier}/invocationSteps/
Rerank POST /rerank
Retrieve POST /knowledgebases/{knowledgeBaseId}/retrieve
RetrieveAndGenerate POST /retrieveAndGenerate
RetrieveAndGenerateStream POST /retrieveAndGenerateStream
StartFlowExecution POST /flows/{flowIdentifier}/aliases/{flowAliasIdentifier}/executions
StopFlowExecution POST /flows/{flowIdentifier}/aliases/{flowAliasIdentifier}/executions/{executionIdentifier}/stop
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
UpdateSession PUT /sessions/{sessionIdentifier}/
""",
    "bedrock-runtime": """\
ApplyGuardrail POST /guardrail/{guardrailIdentifier}/version/{guardrailVersion}/apply
Converse POST /model/{modelId}/converse
ConverseStream POST /model/{modelId}/converse-stream
CountTokens POST /model/{modelId}/count-tokens
GetAsyncInvoke GET /async-invoke/{invocationArn}
InvokeGuardrailChecks POST /guardrail-checks/invoke
InvokeModel POST /model/{modelId}/invoke h:Content-Type=contentType h:Accept=accept h:X-Amzn-Bedrock-Trace=trace h:X-Amzn-Bedrock-GuardrailIdentifier=guardrailIdentifier h:X-Amzn-Bedrock-GuardrailVersion=guardrailVersion h:X-Amzn-Bedrock-PerformanceConfig-Latency=performanceConfigLatency h:X-Amzn-Bedrock-Service-Tier=serviceTier h:X-Amzn-Bedrock-Request-Metadata=requestMetadata h:X-Amzn-Bedrock-ProjectIdentifier=projectIdentifier
InvokeModelWithBidirectionalStream POST /model/{modelId}/invoke-with-bidirectional-stream
InvokeModelWithResponseStream POST /model/{modelId}/invoke-with-response-stream h:Content-Type=contentType h:X-Amzn-Bedrock-Accept=accept h:X-Amzn-Bedrock-Trace=trace h:X-Amzn-Bedrock-GuardrailIdentifier=guardrailIdentifier h:X-Amzn-Bedrock-GuardrailVersion=guardrailVersion h:X-Amzn-Bedrock-PerformanceConfig-Latency=performanceConfigLatency h:X-Amzn-Bedrock-Service-Tier=serviceTier h:X-Amzn-Bedrock-Request-Metadata=requestMetadata h:X-Amzn-Bedrock-ProjectIdentifier=projectIdentifier
ListAsyncInvokes GET /async-invoke q:submitTimeAfter q:submitTimeBefore q:statusEquals q:maxResults q:nextToken q:sortBy q:sortOrder
StartAsyncInvoke POST /async-invoke
""",
    "cloudfront": """\
AssociateAlias PUT /2020-05-31/distribution/{TargetDistributionId}/associate-alias q!Alias
AssociateDistributionTenantWebACL PUT /2020-05-31/distribution-tenant/{Id}/associate-web-acl
AssociateDistributionWebACL PUT /2020-05-31/distribution/{Id}/associate-web-acl
CopyDistribution POST /2020-05-31/distribution/{PrimaryDistributionId}/copy h:Staging
CreateAnycastIpList POST /2020-05-31/anycast-ip-list
CreateCachePolicy POST /2020-05-31/cache-policy
CreateCloudFrontOriginAccessIdentity POST /2020-05-31/origin-access-identity/cloudfront
CreateConnectionFunction POST /2020-05-31/connection-function
CreateConnectionGroup POST /2020-05-31/connection-group
CreateContinuousDeploymentPolicy POST /2020-05-31/continuous-deployment-policy
CreateDistribution POST /2020-05-31/distribution
CreateDistributionTenant POST /2020-05-31/distribution-tenant
CreateDistributionWithTags POST /2020-05-31/distribution?WithTags
CreateFieldLevelEncryptionConfig POST /2020-05-31/field-level-encryption
CreateFieldLevelEncryptionProfile POST /2020-05-31/field-level-encryption-profile
CreateFunction POST /2020-05-31/function
CreateInvalidation POST /2020-05-31/distribution/{DistributionId}/invalidation
CreateInvalidationForDistributionTenant POST /2020-05-31/distribution-tenant/{Id}/invalidation
CreateKeyGroup POST /2020-05-31/key-group
CreateKeyValueStore POST /2020-05-31/key-value-store
CreateMonitoringSubscription POST /2020-05-31/distributions/{DistributionId}/monitoring-subscription
CreateOriginAccessControl POST /2020-05-31/origin-access-control
CreateOriginRequestPolicy POST /2020-05-31/origin-request-policy
CreatePublicKey POST /2020-05-31/public-key
CreateRealtimeLogConfig POST /2020-05-31/realtime-log-config
CreateResponseHeadersPolicy POST /2020-05-31/response-headers-policy
CreateStreamingDistribution POST /2020-05-31/streaming-distribution
CreateStreamingDistributionWithTags POST /2020-05-31/streaming-distribution?WithTags
CreateTrustStore POST /2020-05-31/trust-store
CreateVpcOrigin POST /2020-05-31/vpc-origin
DeleteAnycastIpList DELETE /2020-05-31/anycast-ip-list/{Id}
DeleteCachePolicy DELETE /2020-05-31/cache-policy/{Id}
DeleteCloudFrontOriginAccessIdentity DELETE /2020-05-31/origin-access-identity/cloudfront/{Id}
DeleteConnectionFunction DELETE /2020-05-31/connection-function/{Id}
DeleteConnectionGroup DELETE /2020-05-31/connection-group/{Id}
DeleteContinuousDeploymentPolicy DELETE /2020-05-31/continuous-deployment-policy/{Id}
DeleteDistribution DELETE /2020-05-31/distribution/{Id}
DeleteDistributionTenant DELETE /2020-05-31/distribution-tenant/{Id}
DeleteFieldLevelEncryptionConfig DELETE /2020-05-31/field-level-encryption/{Id}
DeleteFieldLevelEncryptionProfile DELETE /2020-05-31/field-level-encryption-profile/{Id}
DeleteFunction DELETE /2020-05-31/function/{Name}
DeleteKeyGroup DELETE /2020-05-31/key-group/{Id}
DeleteKeyValueStore DELETE /2020-05-31/key-value-store/{Name}
DeleteMonitoringSubscription DELETE /2020-05-31/distributions/{DistributionId}/monitoring-subscription
DeleteOriginAccessControl DELETE /2020-05-31/origin-access-control/{Id}
DeleteOriginRequestPolicy DELETE /2020-05-31/origin-request-policy/{Id}
DeletePublicKey DELETE /2020-05-31/public-key/{Id}
DeleteRealtimeLogConfig POST /2020-05-31/delete-realtime-log-config
DeleteResourcePolicy POST /2020-05-31/delete-resource-policy
DeleteResponseHeadersPolicy DELETE /2020-05-31/response-headers-policy/{Id}
DeleteStreamingDistribution DELETE /2020-05-31/streaming-distribution/{Id}
DeleteTrustStore DELETE /2020-05-31/trust-store/{Id}
DeleteVpcOrigin DELETE /2020-05-31/vpc-origin/{Id}
DescribeConnectionFunction GET /2020-05-31/connection-function/{Identifier}/describe q:Stage
DescribeFunction GET /2020-05-31/function/{Name}/describe q:Stage
DescribeKeyValueStore GET /2020-05-31/key-value-store/{Name}
DisassociateDistributionTenantWebACL PUT /2020-05-31/distribution-tenant/{Id}/disassociate-web-acl
DisassociateDistributionWebACL PUT /2020-05-31/distribution/{Id}/disassociate-web-acl
GetAnycastIpList GET /2020-05-31/anycast-ip-list/{Id}
GetCachePolicy GET /2020-05-31/cache-policy/{Id}
GetCachePolicyConfig GET /2020-05-31/cache-policy/{Id}/config
GetCloudFrontOriginAccessIdentity GET /2020-05-31/origin-access-identity/cloudfront/{Id}
GetCloudFrontOriginAccessIdentityConfig GET /2020-05-31/origin-access-identity/cloudfront/{Id}/config
GetConnectionFunction GET /2020-05-31/connection-function/{Identifier} q:Stage
GetConnectionGroup GET /2020-05-31/connection-group/{Identifier}
GetConnectionGroupByRoutingEndpoint GET /2020-05-31/connection-group q!RoutingEndpoint
GetContinuousDeploymentPolicy GET /2020-05-31/continuous-deployment-policy/{Id}
GetContinuousDeploymentPolicyConfig GET /2020-05-31/continuous-deployment-policy/{Id}/config
GetDistribution GET /2020-05-31/distribution/{Id}
GetDistributionConfig GET /2020-05-31/distribution/{Id}/config
GetDistributionTenant GET /2020-05-31/distribution-tenant/{Identifier}
GetDistributionTenantByDomain GET /2020-05-31/distribution-tenant q!domain=Domain
GetFieldLevelEncryption GET /2020-05-31/field-level-encryption/{Id}
GetFieldLevelEncryptionConfig GET /2020-05-31/field-level-encryption/{Id}/config
GetFieldLevelEncryptionProfile GET /2020-05-31/field-level-encryption-profile/{Id}
GetFieldLevelEncryptionProfileConfig GET /2020-05-31/field-level-encryption-profile/{Id}/config
GetFunction GET /2020-05-31/function/{Name} q:Stage
GetInvalidation GET /2020-05-31/distribution/{DistributionId}/invalidation/{Id}
GetInvalidationForDistributionTenant GET /2020-05-31/distribution-tenant/{DistributionTenantId}/invalidation/{Id}
GetKeyGroup GET /2020-05-31/key-group/{Id}
GetKeyGroupConfig GET /2020-05-31/key-group/{Id}/config
GetManagedCertificateDetails GET /2020-05-31/managed-certificate/{Identifier}
GetMonitoringSubscription GET /2020-05-31/distributions/{DistributionId}/monitoring-subscription
GetOriginAccessControl GET /2020-05-31/origin-access-control/{Id}
GetOriginAccessControlConfig GET /2020-05-31/origin-access-control/{Id}/config
GetOriginRequestPolicy GET /2020-05-31/origin-request-policy/{Id}
GetOriginRequestPolicyConfig GET /2020-05-31/origin-request-policy/{Id}/config
GetPublicKey GET /2020-05-31/public-key/{Id}
GetPublicKeyConfig GET /2020-05-31/public-key/{Id}/config
GetRealtimeLogConfig POST /2020-05-31/get-realtime-log-config
GetResourcePolicy POST /2020-05-31/get-resource-policy
GetResponseHeadersPolicy GET /2020-05-31/response-headers-policy/{Id}
GetResponseHeadersPolicyConfig GET /2020-05-31/response-headers-policy/{Id}/config
GetStreamingDistribution GET /2020-05-31/streaming-distribution/{Id}
GetStreamingDistributionConfig GET /2020-05-31/streaming-distribution/{Id}/config
GetTrustStore GET /2020-05-31/trust-store/{Identifier}
GetVpcOrigin GET /2020-05-31/vpc-origin/{Id}
ListAnycastIpLists GET /2020-05-31/anycast-ip-list q:Marker q:MaxItems
ListCachePolicies GET /2020-05-31/cache-policy q:Type q:Marker q:MaxItems
ListCloudFrontOriginAccessIdentities GET /2020-05-31/origin-access-identity/cloudfront q:Marker q:MaxItems
ListConflictingAliases GET /2020-05-31/conflicting-alias q!DistributionId q!Alias q:Marker q:MaxItems
ListConnectionFunctions POST /2020-05-31/connection-functions
ListConnectionGroups POST /2020-05-31/connection-groups
ListContinuousDeploymentPolicies GET /2020-05-31/continuous-deployment-policy q:Marker q:MaxItems
ListDistributionTenants POST /2020-05-31/distribution-tenants
ListDistributionTenantsByCustomization POST /2020-05-31/distribution-tenants-by-customization
ListDistributions GET /2020-05-31/distribution q:Marker q:MaxItems
ListDistributionsByAnycastIpListId GET /2020-05-31/distributionsByAnycastIpListId/{AnycastIpListId} q:Marker q:MaxItems
ListDistributionsByCachePolicyId GET /2020-05-31/distributionsByCachePolicyId/{CachePolicyId} q:Marker q:MaxItems
ListDistributionsByConnectionFunction GET /2020-05-31/distributionsByConnectionFunction q:Marker q:MaxItems q!ConnectionFunctionIdentifier
ListDistributionsByConnectionMode GET /2020-05-31/distributionsByConnectionMode/{ConnectionMode} q:Marker q:MaxItems
ListDistributionsByKeyGroup GET /2020-05-31/distributionsByKeyGroupId/{KeyGroupId} q:Marker q:MaxItems
ListDistributionsByOriginRequestPolicyId GET /2020-05-31/distributionsByOriginRequestPolicyId/{OriginRequestPolicyId} q:Marker q:MaxItems
ListDistributionsByOwnedResource GET /2020-05-31/distributionsByOwnedResource/{ResourceArn} q:Marker q:MaxItems
ListDistributionsByRealtimeLogConfig POST /2020-05-31/distributionsByRealtimeLogConfig
ListDistributionsByResponseHeadersPolicyId GET /2020-05-31/distributionsByResponseHeadersPolicyId/{ResponseHeadersPolicyId} q:Marker q:MaxItems
ListDistributionsByTrustStore GET /2020-05-31/distributionsByTrustStore q!TrustStoreIdentifier q:Marker q:MaxItems
ListDistributionsByVpcOriginId GET /2020-05-31/distributionsByVpcOriginId/{VpcOriginId} q:Marker q:MaxItems
ListDistributionsByWebACLId GET /2020-05-31/distributionsByWebACLId/{WebACLId} q:Marker q:MaxItems
ListDomainConflicts POST /2020-05-31/domain-conflicts
ListFieldLevelEncryptionConfigs GET /2020-05-31/field-level-encryption q:Marker q:MaxItems
ListFieldLevelEncryptionProfiles GET /2020-05-31/field-level-encryption-profile q:Marker q:MaxItems
ListFunctions GET /2020-05-31/function q:Marker q:MaxItems q:Stage
ListInvalidations GET /2020-05-31/distribution/{DistributionId}/invalidation q:Marker q:MaxItems
ListInvalidationsForDistributionTenant GET /2020-05-31/distribution-tenant/{Id}/invalidation q:Marker q:MaxItems
ListKeyGroups GET /2020-05-31/key-group q:Marker q:MaxItems
ListKeyValueStores GET /2020-05-31/key-value-store q:Marker q:MaxItems q:Status
ListOriginAccessControls GET /2020-05-31/origin-access-control q:Marker q:MaxItems
ListOriginRequestPolicies GET /2020-05-31/origin-request-policy q:Type q:Marker q:MaxItems
ListPublicKeys GET /2020-05-31/public-key q:Marker q:MaxItems
ListRealtimeLogConfigs GET /2020-05-31/realtime-log-config q:MaxItems q:Marker
ListResponseHeadersPolicies GET /2020-05-31/response-headers-policy q:Type q:Marker q:MaxItems
ListStreamingDistributions GET /2020-05-31/streaming-distribution q:Marker q:MaxItems
ListTagsForResource GET /2020-05-31/tagging q!Resource
ListTrustStores POST /2020-05-31/trust-stores
ListVpcOrigins GET /2020-05-31/vpc-origin q:Marker q:MaxItems
PublishConnectionFunction POST /2020-05-31/connection-function/{Id}/publish
PublishFunction POST /2020-05-31/function/{Name}/publish
PutResourcePolicy POST /2020-05-31/put-resource-policy
TagResource POST /2020-05-31/tagging?Operation=Tag q!Resource
TestConnectionFunction POST /2020-05-31/connection-function/{Id}/test
TestFunction POST /2020-05-31/function/{Name}/test
UntagResource POST /2020-05-31/tagging?Operation=Untag q!Resource
UpdateAnycastIpList PUT /2020-05-31/anycast-ip-list/{Id}
UpdateCachePolicy PUT /2020-05-31/cache-policy/{Id}
UpdateCloudFrontOriginAccessIdentity PUT /2020-05-31/origin-access-identity/cloudfront/{Id}/config
UpdateConnectionFunction PUT /2020-05-31/connection-function/{Id}
UpdateConnectionGroup PUT /2020-05-31/connection-group/{Id}
UpdateContinuousDeploymentPolicy PUT /2020-05-31/continuous-deployment-policy/{Id}
UpdateDistribution PUT /2020-05-31/distribution/{Id}/config
UpdateDistributionTenant PUT /2020-05-31/distribution-tenant/{Id}
UpdateDistributionWithStagingConfig PUT /2020-05-31/distribution/{Id}/promote-staging-config q:StagingDistributionId
UpdateDomainAssociation POST /2020-05-31/domain-association
UpdateFieldLevelEncryptionConfig PUT /2020-05-31/field-level-encryption/{Id}/config
UpdateFieldLevelEncryptionProfile PUT /2020-05-31/field-level-encryption-profile/{Id}/config
UpdateFunction PUT /2020-05-31/function/{Name}
UpdateKeyGroup PUT /2020-05-31/key-group/{Id}
UpdateKeyValueStore PUT /2020-05-31/key-value-store/{Name}
UpdateOriginAccessControl PUT /2020-05-31/origin-access-control/{Id}/config
UpdateOriginRequestPolicy PUT /2020-05-31/origin-request-policy/{Id}
UpdatePublicKey PUT /2020-05-31/public-key/{Id}/config
UpdateRealtimeLogConfig PUT /2020-05-31/realtime-log-config
UpdateResponseHeadersPolicy PUT /2020-05-31/response-headers-policy/{Id}
UpdateStreamingDistribution PUT /2020-05-31/streaming-distribution/{Id}/config
UpdateTrustStore PUT /2020-05-31/trust-store/{Id} h:UseClientCertificateOCSPEndpoint
UpdateVpcOrigin PUT /2020-05-31/vpc-origin/{Id}
VerifyDnsConfiguration POST /2020-05-31/verify-dns-configuration
""",
    "codeartifact": """\
AssociateExternalConnection POST /v1/repository/external-connection q!domain q:domain-owner=domainOwner q!repository q!external-connection=externalConnection
CopyPackageVersions POST /v1/package/versions/copy q!domain q:domain-owner=domainOwner q!source-repository=sourceRepository q!destination-repository=destinationRepository q!format q:namespace q!package
CreateDomain POST /v1/domain q!domain
CreatePackageGroup POST /v1/package-group q!domain q:domain-owner=domainOwner
CreateRepository POST /v1/repository q!domain q:domain-owner=domainOwner q!repository
DeleteDomain DELETE /v1/domain q!domain q:domain-owner=domainOwner
DeleteDomainPermissionsPolicy DELETE /v1/domain/permissions/policy q!domain q:domain-owner=domainOwner q:policy-revision=policyRevision
DeletePackage DELETE /v1/package q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package
DeletePackageGroup DELETE /v1/package-group q!domain q:domain-owner=domainOwner q!package-group=packageGroup
DeletePackageVersions POST /v1/package/versions/delete q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package
DeleteRepository DELETE /v1/repository q!domain q:domain-owner=domainOwner q!repository
DeleteRepositoryPermissionsPolicy DELETE /v1/repository/permissions/policies q!domain q:domain-owner=domainOwner q!repository q:policy-revision=policyRevision
DescribeDomain GET /v1/domain q!domain q:domain-owner=domainOwner
DescribePackage GET /v1/package q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package
DescribePackageGroup GET /v1/package-group q!domain q:domain-owner=domainOwner q!package-group=packageGroup
DescribePackageVersion GET /v1/package/version q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package q!version=packageVersion
DescribeRepository GET /v1/repository q!domain q:domain-owner=domainOwner q!repository
DisassociateExternalConnection DELETE /v1/repository/external-connection q!domain q:domain-owner=domainOwner q!repository q!external-connection=externalConnection
DisposePackageVersions POST /v1/package/versions/dispose q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package
GetAssociatedPackageGroup GET /v1/get-associated-package-group q!domain q:domain-owner=domainOwner q!format q:namespace q!package
GetAuthorizationToken POST /v1/authorization-token q!domain q:domain-owner=domainOwner q:duration=durationSeconds
GetDomainPermissionsPolicy GET /v1/domain/permissions/policy q!domain q:domain-owner=domainOwner
GetPackageVersionAsset GET /v1/package/version/asset q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package q!version=packageVersion q!asset q:revision=packageVersionRevision
GetPackageVersionReadme GET /v1/package/version/readme q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package q!version=packageVersion
GetRepositoryEndpoint GET /v1/repository/endpoint q!domain q:domain-owner=domainOwner q!repository q!format q:endpointType
GetRepositoryPermissionsPolicy GET /v1/repository/permissions/policy q!domain q:domain-owner=domainOwner q!repository
ListAllowedRepositoriesForGroup GET /v1/package-group-allowed-repositories q!domain q:domain-owner=domainOwner q!package-group=packageGroup q!originRestrictionType q:max-results=maxResults q:next-token=nextToken
ListAssociatedPackages GET /v1/list-associated-packages q!domain q:domain-owner=domainOwner q!package-group=packageGroup q:max-results=maxResults q:next-token=nextToken q:preview
ListDomains POST /v1/domains
ListPackageGroups POST /v1/package-groups q!domain q:domain-owner=domainOwner q:max-results=maxResults q:next-token=nextToken q:prefix
ListPackageVersionAssets POST /v1/package/version/assets q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package q!version=packageVersion q:max-results=maxResults q:next-token=nextToken
ListPackageVersionDependencies POST /v1/package/version/dependencies q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package q!version=packageVersion q:next-token=nextToken
ListPackageVersions POST /v1/package/versions q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package q:status q:sortBy q:max-results=maxResults q:next-token=nextToken q:originType
ListPackages POST /v1/packages q!domain q:domain-owner=domainOwner q!repository q:format q:namespace q:package-prefix=packagePrefix q:max-results=maxResults q:next-token=nextToken q:publish q:upstream
ListRepositories POST /v1/repositories q:repository-prefix=repositoryPrefix q:max-results=maxResults q:next-token=nextToken
ListRepositoriesInDomain POST /v1/domain/repositories q!domain q:domain-owner=domainOwner q:administrator-account=administratorAccount q:repository-prefix=repositoryPrefix q:max-results=maxResults q:next-token=nextToken
ListSubPackageGroups POST /v1/package-groups/sub-groups q!domain q:domain-owner=domainOwner q!package-group=packageGroup q:max-results=maxResults q:next-token=nextToken
ListTagsForResource POST /v1/tags q!resourceArn
PublishPackageVersion POST /v1/package/version/publish q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package q!version=packageVersion q!asset=assetName h!x-amz-content-sha256=assetSHA256 q:unfinished
PutDomainPermissionsPolicy PUT /v1/domain/permissions/policy
PutPackageOriginConfiguration POST /v1/package q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package
PutRepositoryPermissionsPolicy PUT /v1/repository/permissions/policy q!domain q:domain-owner=domainOwner q!repository
TagResource POST /v1/tag q!resourceArn
UntagResource POST /v1/untag q!resourceArn
UpdatePackageGroup PUT /v1/package-group q!domain q:domain-owner=domainOwner
UpdatePackageGroupOriginConfiguration PUT /v1/package-group-origin-configuration q!domain q:domain-owner=domainOwner q!package-group=packageGroup
UpdatePackageVersionsStatus POST /v1/package/versions/update_status q!domain q:domain-owner=domainOwner q!repository q!format q:namespace q!package
UpdateRepository PUT /v1/repository q!domain q:domain-owner=domainOwner q!repository
""",
    "data-ats.iot": """\
DeleteConnection DELETE /connections/{clientId} q:cleanSession q:preventWillMessage
DeleteThingShadow DELETE /things/{thingName}/shadow q:name=shadowName
GetConnection GET /connections/{clientId} q:includeSocketInformation
GetRetainedMessage GET /retainedMessage/{topic}
GetThingShadow GET /things/{thingName}/shadow q:name=shadowName
ListNamedShadowsForThing GET /api/things/shadow/ListNamedShadowsForThing/{thingName} q:nextToken q:pageSize
ListRetainedMessages GET /retainedMessage q:nextToken q:maxResults
ListSubscriptions GET /connections/{clientId}/subscriptions q:nextToken q:maxResults
Publish POST /topics/{topic} q:qos q:retain h:x-amz-mqtt5-user-properties=userProperties h:x-amz-mqtt5-payload-format-indicator=payloadFormatIndicator q:contentType q:responseTopic h:x-amz-mqtt5-correlation-data=correlationData q:messageExpiry
SendDirectMessage POST /connections/{clientId}/messages q!topic q:contentType q:responseTopic q:confirmation q:timeout h:x-amz-mqtt5-user-properties=userProperties h:x-amz-mqtt5-payload-format-indicator=payloadFormatIndicator h:x-amz-mqtt5-correlation-data=correlationData
UpdateThingShadow POST /things/{thingName}/shadow q:name=shadowName
""",
    "dlm": """\
CreateLifecyclePolicy POST /policies
DeleteLifecyclePolicy DELETE /policies/{policyId} u:policyId=PolicyId
GetLifecyclePolicies GET /policies q:policyIds=PolicyIds q:state=State q:resourceTypes=ResourceTypes q:targetTags=TargetTags q:tagsToAdd=TagsToAdd q:defaultPolicyType=DefaultPolicyType
GetLifecyclePolicy GET /policies/{policyId} u:policyId=PolicyId
ListTagsForResource GET /tags/{resourceArn} u:resourceArn=ResourceArn
TagResource POST /tags/{resourceArn} u:resourceArn=ResourceArn
UntagResource DELETE /tags/{resourceArn} u:resourceArn=ResourceArn q!tagKeys=TagKeys
UpdateLifecyclePolicy PATCH /policies/{policyId} u:policyId=PolicyId
""",
    "ebs": """\
CompleteSnapshot POST /snapshots/completion/{snapshotId} u:snapshotId=SnapshotId h!x-amz-ChangedBlocksCount=ChangedBlocksCount
GetSnapshotBlock GET /snapshots/{snapshotId}/blocks/{blockIndex} u:snapshotId=SnapshotId u:blockIndex=BlockIndex q!blockToken=BlockToken
ListChangedBlocks GET /snapshots/{secondSnapshotId}/changedblocks q:firstSnapshotId=FirstSnapshotId u:secondSnapshotId=SecondSnapshotId q:pageToken=NextToken q:maxResults=MaxResults q:startingBlockIndex=StartingBlockIndex
ListSnapshotBlocks GET /snapshots/{snapshotId}/blocks u:snapshotId=SnapshotId q:pageToken=NextToken q:maxResults=MaxResults q:startingBlockIndex=StartingBlockIndex
PutSnapshotBlock PUT /snapshots/{snapshotId}/blocks/{blockIndex} u:snapshotId=SnapshotId u:blockIndex=BlockIndex h!x-amz-Data-Length=DataLength h:x-amz-Progress=Progress
StartSnapshot POST /snapshots
""",
    "eks": """\
ActivateCertificateAuthority POST /clusters/{name}/certificate-authorities/{certificateAuthorityId}/activate u:name=clusterName
AssociateAccessPolicy POST /clusters/{name}/access-entries/{principalArn}/access-policies u:name=clusterName
AssociateEncryptionConfig POST /clusters/{name}/encryption-config/associate u:name=clusterName
AssociateIdentityProviderConfig POST /clusters/{name}/identity-provider-configs/associate u:name=clusterName
CancelUpdate POST /clusters/{name}/updates/{updateId}/cancel-update
CreateAccessEntry POST /clusters/{name}/access-entries u:name=clusterName
CreateAddon POST /clusters/{name}/addons u:name=clusterName
CreateCapability POST /clusters/{name}/capabilities u:name=clusterName
CreateCertificateAuthority POST /clusters/{name}/certificate-authorities u:name=clusterName
CreateCluster POST /clusters
CreateEksAnywhereSubscription POST /eks-anywhere-subscriptions
CreateFargateProfile POST /clusters/{name}/fargate-profiles u:name=clusterName
CreateNodegroup POST /clusters/{name}/node-groups u:name=clusterName
CreatePodIdentityAssociation POST /clusters/{name}/pod-identity-associations u:name=clusterName
DeleteAccessEntry DELETE /clusters/{name}/access-entries/{principalArn} u:name=clusterName
DeleteAddon DELETE /clusters/{name}/addons/{addonName} u:name=clusterName q:preserve
DeleteCapability DELETE /clusters/{name}/capabilities/{capabilityName} u:name=clusterName
DeleteCertificateAuthority DELETE /clusters/{name}/certificate-authorities/{certificateAuthorityId} u:name=clusterName q:clientRequestToken
DeleteCluster DELETE /clusters/{name}
DeleteEksAnywhereSubscription DELETE /eks-anywhere-subscriptions/{id}
DeleteFargateProfile DELETE /clusters/{name}/fargate-profiles/{fargateProfileName} u:name=clusterName
DeleteNodegroup DELETE /clusters/{name}/node-groups/{nodegroupName} u:name=clusterName
DeletePodIdentityAssociation DELETE /clusters/{name}/pod-identity-associations/{associationId} u:name=clusterName
DeregisterCluster DELETE /cluster-registrations/{name}
DescribeAccessEntry GET /clusters/{name}/access-entries/{principalArn} u:name=clusterName
DescribeAddon GET /clusters/{name}/addons/{addonName} u:name=clusterName
DescribeAddonConfiguration GET /addons/configuration-schemas q!addonName q!addonVersion
DescribeAddonVersions GET /addons/supported-versions q:kubernetesVersion q:maxResults q:nextToken q:addonName q:types q:publishers q:owners
DescribeCapability GET /clusters/{name}/capabilities/{capabilityName} u:name=clusterName
DescribeCertificateAuthority GET /clusters/{name}/certificate-authorities/{certificateAuthorityId} u:name=clusterName
DescribeCluster GET /clusters/{name}
DescribeClusterVersions GET /cluster-versions q:clusterType q:maxResults q:nextToken q:defaultOnly q:includeAll q:clusterVersions q:status q:versionStatus
DescribeEksAnywhereSubscription GET /eks-anywhere-subscriptions/{id}
DescribeFargateProfile GET /clusters/{name}/fargate-profiles/{fargateProfileName} u:name=clusterName
DescribeIdentityProviderConfig POST /clusters/{name}/identity-provider-configs/describe u:name=clusterName
DescribeInsight GET /clusters/{name}/insights/{id} u:name=clusterName
DescribeInsightsRefresh GET /clusters/{name}/insights-refresh u:name=clusterName
DescribeNodegroup GET /clusters/{name}/node-groups/{nodegroupName} u:name=clusterName
DescribePodIdentityAssociation GET /clusters/{name}/pod-identity-associations/{associationId} u:name=clusterName
DescribeUpdate GET /clusters/{name}/updates/{updateId} q:nodegroupName q:addonName q:capabilityName
DisassociateAccessPolicy DELETE /clusters/{name}/access-entries/{principalArn}/access-policies/{policyArn} u:name=clusterName
DisassociateIdentityProviderConfig POST /clusters/{name}/identity-provider-configs/disassociate u:name=clusterName
ListAccessEntries GET /clusters/{name}/access-entries u:name=clusterName q:associatedPolicyArn q:maxResults q:nextToken
ListAccessPolicies GET /access-policies q:maxResults q:nextToken
ListAddons GET /clusters/{name}/addons u:name=clusterName q:maxResults q:nextToken
ListAssociatedAccessPolicies GET /clusters/{name}/access-entries/{principalArn}/access-policies u:name=clusterName q:maxResults q:nextToken
ListCapabilities GET /clusters/{name}/capabilities u:name=clusterName q:nextToken q:maxResults
ListCertificateAuthorities GET /clusters/{name}/certificate-authorities u:name=clusterName q:maxResults q:nextToken
ListClusters GET /clusters q:maxResults q:nextToken q:include
ListEksAnywhereSubscriptions GET /eks-anywhere-subscriptions q:maxResults q:nextToken q:includeStatus
ListFargateProfiles GET /clusters/{name}/fargate-profiles u:name=clusterName q:maxResults q:nextToken
ListIdentityProviderConfigs GET /clusters/{name}/identity-provider-configs u:name=clusterName q:maxResults q:nextToken
ListInsights POST /clusters/{name}/insights u:name=clusterName
ListNodegroups GET /clusters/{name}/node-groups u:name=clusterName q:maxResults q:nextToken
ListPodIdentityAssociations GET /clusters/{name}/pod-identity-associations u:name=clusterName q:namespace q:serviceAccount q:maxResults q:nextToken
ListTagsForResource GET /tags/{resourceArn}
ListUpdates GET /clusters/{name}/updates q:nodegroupName q:addonName q:capabilityName q:nextToken q:maxResults
RegisterCluster POST /cluster-registrations
StartInsightsRefresh POST /clusters/{name}/insights-refresh u:name=clusterName
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
UpdateAccessEntry POST /clusters/{name}/access-entries/{principalArn} u:name=clusterName
UpdateAddon POST /clusters/{name}/addons/{addonName}/update u:name=clusterName
UpdateCapability POST /clusters/{name}/capabilities/{capabilityName} u:name=clusterName
UpdateClusterConfig POST /clusters/{name}/update-config
UpdateClusterVersion POST /clusters/{name}/updates
UpdateEksAnywhereSubscription POST /eks-anywhere-subscriptions/{id}
UpdateNodegroupConfig POST /clusters/{name}/node-groups/{nodegroupName}/update-config u:name=clusterName
UpdateNodegroupVersion POST /clusters/{name}/node-groups/{nodegroupName}/update-version u:name=clusterName
UpdatePodIdentityAssociation POST /clusters/{name}/pod-identity-associations/{associationId} u:name=clusterName
""",
    "elasticfilesystem": """\
CreateAccessPoint POST /2015-02-01/access-points
CreateFileSystem POST /2015-02-01/file-systems
CreateMountTarget POST /2015-02-01/mount-targets
CreateReplicationConfiguration POST /2015-02-01/file-systems/{SourceFileSystemId}/replication-configuration
CreateTags POST /2015-02-01/create-tags/{FileSystemId}
DeleteAccessPoint DELETE /2015-02-01/access-points/{AccessPointId}
DeleteFileSystem DELETE /2015-02-01/file-systems/{FileSystemId}
DeleteFileSystemPolicy DELETE /2015-02-01/file-systems/{FileSystemId}/policy
DeleteMountTarget DELETE /2015-02-01/mount-targets/{MountTargetId}
DeleteReplicationConfiguration DELETE /2015-02-01/file-systems/{SourceFileSystemId}/replication-configuration q:deletionMode=DeletionMode
DeleteTags POST /2015-02-01/delete-tags/{FileSystemId}
DescribeAccessPoints GET /2015-02-01/access-points q:MaxResults q:NextToken q:AccessPointId q:FileSystemId
DescribeAccountPreferences GET /2015-02-01/account-preferences
DescribeBackupPolicy GET /2015-02-01/file-systems/{FileSystemId}/backup-policy
DescribeFileSystemPolicy GET /2015-02-01/file-systems/{FileSystemId}/policy
DescribeFileSystems GET /2015-02-01/file-systems q:MaxItems q:Marker q:CreationToken q:FileSystemId
DescribeLifecycleConfiguration GET /2015-02-01/file-systems/{FileSystemId}/lifecycle-configuration
DescribeMountTargetSecurityGroups GET /2015-02-01/mount-targets/{MountTargetId}/security-groups
DescribeMountTargets GET /2015-02-01/mount-targets q:MaxItems q:Marker q:FileSystemId q:MountTargetId q:AccessPointId
DescribeReplicationConfigurations GET /2015-02-01/file-systems/replication-configurations q:FileSystemId q:NextToken q:MaxResults
DescribeTags GET /2015-02-01/tags/{FileSystemId}/ q:MaxItems q:Marker
ListTagsForResource GET /2015-02-01/resource-tags/{ResourceId} q:MaxResults q:NextToken
ModifyMountTargetSecurityGroups PUT /2015-02-01/mount-targets/{MountTargetId}/security-groups
PutAccountPreferences PUT /2015-02-01/account-preferences
PutBackupPolicy PUT /2015-02-01/file-systems/{FileSystemId}/backup-policy
PutFileSystemPolicy PUT /2015-02-01/file-systems/{FileSystemId}/policy
PutLifecycleConfiguration PUT /2015-02-01/file-systems/{FileSystemId}/lifecycle-configuration
TagResource POST /2015-02-01/resource-tags/{ResourceId}
UntagResource DELETE /2015-02-01/resource-tags/{ResourceId} q!tagKeys=TagKeys
UpdateFileSystem PUT /2015-02-01/file-systems/{FileSystemId}
UpdateFileSystemProtection PUT /2015-02-01/file-systems/{FileSystemId}/protection
""",
    "email": """\
AssociateEmailIdentityCertificate POST /v2/email/identity/certificates
BatchGetMetricData POST /v2/email/metrics/batch
CancelExportJob PUT /v2/email/export-jobs/{JobId}/cancel
CreateConfigurationSet POST /v2/email/configuration-sets
CreateConfigurationSetEventDestination POST /v2/email/configuration-sets/{ConfigurationSetName}/event-destinations
CreateContact POST /v2/email/contact-lists/{ContactListName}/contacts
CreateContactList POST /v2/email/contact-lists
CreateCustomVerificationEmailTemplate POST /v2/email/custom-verification-email-templates
CreateDedicatedIpPool POST /v2/email/dedicated-ip-pools
CreateDeliverabilityTestReport POST /v2/email/deliverability-dashboard/test
CreateEmailIdentity POST /v2/email/identities
CreateEmailIdentityPolicy POST /v2/email/identities/{EmailIdentity}/policies/{PolicyName}
CreateEmailTemplate POST /v2/email/templates
CreateExportJob POST /v2/email/export-jobs
CreateImportJob POST /v2/email/import-jobs
CreateMultiRegionEndpoint POST /v2/email/multi-region-endpoints
CreateTenant POST /v2/email/tenants
CreateTenantResourceAssociation POST /v2/email/tenants/resources
DeleteConfigurationSet DELETE /v2/email/configuration-sets/{ConfigurationSetName}
DeleteConfigurationSetEventDestination DELETE /v2/email/configuration-sets/{ConfigurationSetName}/event-destinations/{EventDestinationName}
DeleteContact DELETE /v2/email/contact-lists/{ContactListName}/contacts/{EmailAddress}
DeleteContactList DELETE /v2/email/contact-lists/{ContactListName}
DeleteCustomVerificationEmailTemplate DELETE /v2/email/custom-verification-email-templates/{TemplateName}
DeleteDedicatedIpPool DELETE /v2/email/dedicated-ip-pools/{PoolName}
DeleteEmailIdentity DELETE /v2/email/identities/{EmailIdentity}
DeleteEmailIdentityPolicy DELETE /v2/email/identities/{EmailIdentity}/policies/{PolicyName}
DeleteEmailTemplate DELETE /v2/email/templates/{TemplateName}
DeleteMultiRegionEndpoint DELETE /v2/email/multi-region-endpoints/{EndpointName}
DeleteSuppressedDestination DELETE /v2/email/suppression/addresses/{EmailAddress} q:TenantName
DeleteTenant POST /v2/email/tenants/delete
DeleteTenantResourceAssociation POST /v2/email/tenants/resources/delete
DisassociateEmailIdentityCertificate POST /v2/email/identity/certificates/delete
GetAccount GET /v2/email/account
GetBlacklistReports GET /v2/email/deliverability-dashboard/blacklist-report q!BlacklistItemNames
GetConfigurationSet GET /v2/email/configuration-sets/{ConfigurationSetName}
GetConfigurationSetEventDestinations GET /v2/email/configuration-sets/{ConfigurationSetName}/event-destinations
GetContact GET /v2/email/contact-lists/{ContactListName}/contacts/{EmailAddress}
GetContactList GET /v2/email/contact-lists/{ContactListName}
GetCustomVerificationEmailTemplate GET /v2/email/custom-verification-email-templates/{TemplateName}
GetDedicatedIp GET /v2/email/dedicated-ips/{IP} u:IP=Ip
GetDedicatedIpPool GET /v2/email/dedicated-ip-pools/{PoolName}
GetDedicatedIps GET /v2/email/dedicated-ips q:PoolName q:NextToken q:PageSize
GetDeliverabilityDashboardOptions GET /v2/email/deliverability-dashboard
GetDeliverabilityTestReport GET /v2/email/deliverability-dashboard/test-reports/{ReportId}
GetDomainDeliverabilityCampaign GET /v2/email/deliverability-dashboard/campaigns/{CampaignId}
GetDomainStatisticsReport GET /v2/email/deliverability-dashboard/statistics-report/{Domain} q!StartDate q!EndDate
GetEmailAddressInsights POST /v2/email/email-address-insights/
GetEmailIdentity GET /v2/email/identities/{EmailIdentity}
GetEmailIdentityPolicies GET /v2/email/identities/{EmailIdentity}/policies
GetEmailTemplate GET /v2/email/templates/{TemplateName}
GetExportJob GET /v2/email/export-jobs/{JobId}
GetImportJob GET /v2/email/import-jobs/{JobId}
GetMessageInsights GET /v2/email/insights/{MessageId}/
GetMultiRegionEndpoint GET /v2/email/multi-region-endpoints/{EndpointName}
GetReputationEntity GET /v2/email/reputation/entities/{ReputationEntityType}/{ReputationEntityReference}
GetSuppressedDestination GET /v2/email/suppression/addresses/{EmailAddress} q:TenantName
GetTenant POST /v2/email/tenants/get
ListConfigurationSets POST /v2/email/list-configuration-sets
ListContactLists GET /v2/email/contact-lists q:PageSize q:NextToken
ListContacts POST /v2/email/contact-lists/{ContactListName}/contacts/list
ListCustomVerificationEmailTemplates GET /v2/email/custom-verification-email-templates q:NextToken q:PageSize
ListDedicatedIpPools GET /v2/email/dedicated-ip-pools q:NextToken q:PageSize
ListDeliverabilityTestReports GET /v2/email/deliverability-dashboard/test-reports q:NextToken q:PageSize
ListDomainDeliverabilityCampaigns GET /v2/email/deliverability-dashboard/domains/{SubscribedDomain}/campaigns q!StartDate q!EndDate q:NextToken q:PageSize
ListEmailIdentities POST /v2/email/list-identities
ListEmailIdentityCertificates POST /v2/email/identity/certificates/list
ListEmailTemplates GET /v2/email/templates q:NextToken q:PageSize
ListExportJobs POST /v2/email/list-export-jobs
ListImportJobs POST /v2/email/import-jobs/list
ListMultiRegionEndpoints GET /v2/email/multi-region-endpoints q:NextToken q:PageSize
ListRecommendations POST /v2/email/vdm/recommendations
ListReputationEntities POST /v2/email/reputation/entities
ListResourceTenants POST /v2/email/resources/tenants/list
ListSuppressedDestinations GET /v2/email/suppression/addresses q:TenantName q:Reason=Reasons q:StartDate q:EndDate q:NextToken q:PageSize
ListTagsForResource GET /v2/email/tags q!ResourceArn
ListTenantResources POST /v2/email/tenants/resources/list
ListTenants POST /v2/email/tenants/list
PutAccountDedicatedIpWarmupAttributes PUT /v2/email/account/dedicated-ips/warmup
PutAccountDeliveryAttributes POST /v2/email/account/delivery
PutAccountDetails POST /v2/email/account/details
PutAccountPricingAttributes PUT /v2/email/account/pricing-attributes
PutAccountSendingAttributes PUT /v2/email/account/sending
PutAccountSuppressionAttributes PUT /v2/email/account/suppression
PutAccountVdmAttributes PUT /v2/email/account/vdm
PutConfigurationSetArchivingOptions PUT /v2/email/configuration-sets/{ConfigurationSetName}/archiving-options
PutConfigurationSetDeliveryOptions PUT /v2/email/configuration-sets/{ConfigurationSetName}/delivery-options
PutConfigurationSetReputationOptions PUT /v2/email/configuration-sets/{ConfigurationSetName}/reputation-options
PutConfigurationSetSendingOptions PUT /v2/email/configuration-sets/{ConfigurationSetName}/sending
PutConfigurationSetSuppressionOptions PUT /v2/email/configuration-sets/{ConfigurationSetName}/suppression-options
PutConfigurationSetTrackingOptions PUT /v2/email/configuration-sets/{ConfigurationSetName}/tracking-options
PutConfigurationSetVdmOptions PUT /v2/email/configuration-sets/{ConfigurationSetName}/vdm-options
PutDedicatedIpInPool PUT /v2/email/dedicated-ips/{IP}/pool u:IP=Ip
PutDedicatedIpPoolScalingAttributes PUT /v2/email/dedicated-ip-pools/{PoolName}/scaling
PutDedicatedIpWarmupAttributes PUT /v2/email/dedicated-ips/{IP}/warmup u:IP=Ip
PutDeliverabilityDashboardOption PUT /v2/email/deliverability-dashboard
PutEmailIdentityConfigurationSetAttributes PUT /v2/email/identities/{EmailIdentity}/configuration-set
PutEmailIdentityDkimAttributes PUT /v2/email/identities/{EmailIdentity}/dkim
PutEmailIdentityDkimSigningAttributes PUT /v2/email/identities/{EmailIdentity}/dkim/signing
PutEmailIdentityFeedbackAttributes PUT /v2/email/identities/{EmailIdentity}/feedback
PutEmailIdentityMailFromAttributes PUT /v2/email/identities/{EmailIdentity}/mail-from
PutSuppressedDestination PUT /v2/email/suppression/addresses
PutTenantSuppressionAttributes POST /v2/email/tenant/suppression
SendBulkEmail POST /v2/email/outbound-bulk-emails
SendCustomVerificationEmail POST /v2/email/outbound-custom-verification-emails
SendEmail POST /v2/email/outbound-emails
TagResource POST /v2/email/tags
TestRenderEmailTemplate POST /v2/email/templates/{TemplateName}/render
UntagResource DELETE /v2/email/tags q!ResourceArn q!TagKeys
UpdateConfigurationSet POST /v2/email/update-configuration-sets
UpdateConfigurationSetEventDestination PUT /v2/email/configuration-sets/{ConfigurationSetName}/event-destinations/{EventDestinationName}
UpdateContact PUT /v2/email/contact-lists/{ContactListName}/contacts/{EmailAddress}
UpdateContactList PUT /v2/email/contact-lists/{ContactListName}
UpdateCustomVerificationEmailTemplate PUT /v2/email/custom-verification-email-templates/{TemplateName}
UpdateEmailIdentityPolicy PUT /v2/email/identities/{EmailIdentity}/policies/{PolicyName}
UpdateEmailTemplate PUT /v2/email/templates/{TemplateName}
UpdateReputationEntityCustomerManagedStatus PUT /v2/email/reputation/entities/{ReputationEntityType}/{ReputationEntityReference}/customer-managed-status
UpdateReputationEntityPolicy PUT /v2/email/reputation/entities/{ReputationEntityType}/{ReputationEntityReference}/policy
""",
    "emr-containers": """\
CancelJobRun DELETE /virtualclusters/{virtualClusterId}/jobruns/{jobRunId} u:jobRunId=id
CreateJobTemplate POST /jobtemplates
CreateManagedEndpoint POST /virtualclusters/{virtualClusterId}/endpoints
CreateSecurityConfiguration POST /securityconfigurations
CreateVirtualCluster POST /virtualclusters
DeleteJobTemplate DELETE /jobtemplates/{templateId} u:templateId=id
DeleteManagedEndpoint DELETE /virtualclusters/{virtualClusterId}/endpoints/{endpointId} u:endpointId=id
DeleteSecurityConfiguration DELETE /securityconfigurations/{securityConfigurationId} u:securityConfigurationId=id
DeleteVirtualCluster DELETE /virtualclusters/{virtualClusterId} u:virtualClusterId=id
DescribeJobRun GET /virtualclusters/{virtualClusterId}/jobruns/{jobRunId} u:jobRunId=id
DescribeJobTemplate GET /jobtemplates/{templateId} u:templateId=id
DescribeManagedEndpoint GET /virtualclusters/{virtualClusterId}/endpoints/{endpointId} u:endpointId=id
DescribeSecurityConfiguration GET /securityconfigurations/{securityConfigurationId} u:securityConfigurationId=id
DescribeVirtualCluster GET /virtualclusters/{virtualClusterId} u:virtualClusterId=id
GetManagedEndpointSessionCredentials POST /virtualclusters/{virtualClusterId}/endpoints/{endpointId}/credentials u:endpointId=endpointIdentifier u:virtualClusterId=virtualClusterIdentifier
ListJobRuns GET /virtualclusters/{virtualClusterId}/jobruns q:createdBefore q:createdAfter q:name q:states q:maxResults q:nextToken
ListJobTemplates GET /jobtemplates q:createdAfter q:createdBefore q:maxResults q:nextToken
ListManagedEndpoints GET /virtualclusters/{virtualClusterId}/endpoints q:createdBefore q:createdAfter q:types q:states q:maxResults q:nextToken
ListSecurityConfigurations GET /securityconfigurations q:createdAfter q:createdBefore q:maxResults q:nextToken
ListTagsForResource GET /tags/{resourceArn}
ListVirtualClusters GET /virtualclusters q:containerProviderId q:containerProviderType q:createdAfter q:createdBefore q:states q:maxResults q:nextToken q:eksAccessEntryIntegrated
StartJobRun POST /virtualclusters/{virtualClusterId}/jobruns
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
UpdateVirtualCluster PATCH /virtualclusters/{virtualClusterId} u:virtualClusterId=id
""",
    "emr-serverless": """\
CancelJobRun DELETE /applications/{applicationId}/jobruns/{jobRunId} q:shutdownGracePeriodInSeconds
CreateApplication POST /applications
DeleteApplication DELETE /applications/{applicationId}
GetApplication GET /applications/{applicationId}
GetDashboardForJobRun GET /applications/{applicationId}/jobruns/{jobRunId}/dashboard q:attempt q:accessSystemProfileLogs
GetJobRun GET /applications/{applicationId}/jobruns/{jobRunId} q:attempt
GetResourceDashboard GET /applications/{applicationId}/dashboard q!resourceId q!resourceType q:accessSystemProfileLogs
GetSession GET /applications/{applicationId}/sessions/{sessionId}
GetSessionEndpoint GET /applications/{applicationId}/sessions/{sessionId}/endpoint
ListApplications GET /applications q:nextToken q:maxResults q:states
ListJobRunAttempts GET /applications/{applicationId}/jobruns/{jobRunId}/attempts q:nextToken q:maxResults
ListJobRuns GET /applications/{applicationId}/jobruns q:nextToken q:maxResults q:createdAtAfter q:createdAtBefore q:states q:mode
ListSessions GET /applications/{applicationId}/sessions q:nextToken q:maxResults q:states q:createdAtAfter q:createdAtBefore
ListTagsForResource GET /tags/{resourceArn}
StartApplication POST /applications/{applicationId}/start
StartJobRun POST /applications/{applicationId}/jobruns
StartSession POST /applications/{applicationId}/sessions
StopApplication POST /applications/{applicationId}/stop
TagResource POST /tags/{resourceArn}
TerminateSession DELETE /applications/{applicationId}/sessions/{sessionId}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
UpdateApplication PATCH /applications/{applicationId}
""",
    "es": """\
AcceptInboundConnection PUT /2021-01-01/opensearch/cc/inboundConnection/{ConnectionId}/accept
AcceptInboundCrossClusterSearchConnection PUT /2015-01-01/es/ccs/inboundConnection/{ConnectionId}/accept u:ConnectionId=CrossClusterSearchConnectionId
AddDataSource POST /2021-01-01/opensearch/domain/{DomainName}/dataSource
AddDirectQueryDataSource POST /2021-01-01/opensearch/directQueryDataSource
AddReplicationPeer POST /2021-01-01/opensearch/domain/{DomainName}/replication/addPeer
AddTags POST /2015-01-01/tags
AddTags POST /2021-01-01/tags
AssociatePackage POST /2015-01-01/packages/associate/{PackageID}/{DomainName}
AssociatePackage POST /2021-01-01/packages/associate/{PackageID}/{DomainName}
AssociatePackages POST /2021-01-01/packages/associateMultiple
AttachDataSource POST /2021-01-01/opensearch/application/{id}/attachDataSource
AuthorizeVpcEndpointAccess POST /2015-01-01/es/domain/{DomainName}/authorizeVpcEndpointAccess
AuthorizeVpcEndpointAccess POST /2021-01-01/opensearch/domain/{DomainName}/authorizeVpcEndpointAccess
CancelDomainConfigChange POST /2015-01-01/es/domain/{DomainName}/config/cancel
CancelDomainConfigChange POST /2021-01-01/opensearch/domain/{DomainName}/config/cancel
CancelElasticsearchServiceSoftwareUpdate POST /2015-01-01/es/serviceSoftwareUpdate/cancel
CancelServiceSoftwareUpdate POST /2021-01-01/opensearch/serviceSoftwareUpdate/cancel
CompareDomainConfiguration POST /2021-01-01/opensearch/compareDomainConfiguration
CreateApplication POST /2021-01-01/opensearch/application
CreateDomain POST /2021-01-01/opensearch/domain
CreateElasticsearchDomain POST /2015-01-01/es/domain
CreateIndex POST /2021-01-01/opensearch/domain/{DomainName}/index
CreateOutboundConnection POST /2021-01-01/opensearch/cc/outboundConnection
CreateOutboundCrossClusterSearchConnection POST /2015-01-01/es/ccs/outboundConnection
CreatePackage POST /2015-01-01/packages
CreatePackage POST /2021-01-01/packages
CreateVpcEndpoint POST /2015-01-01/es/vpcEndpoints
CreateVpcEndpoint POST /2021-01-01/opensearch/vpcEndpoints
DeleteApplication DELETE /2021-01-01/opensearch/application/{id}
DeleteDataSource DELETE /2021-01-01/opensearch/domain/{DomainName}/dataSource/{DataSourceName} u:DataSourceName=Name
DeleteDirectQueryDataSource DELETE /2021-01-01/opensearch/directQueryDataSource/{DataSourceName}
DeleteDomain DELETE /2021-01-01/opensearch/domain/{DomainName}
DeleteElasticsearchDomain DELETE /2015-01-01/es/domain/{DomainName}
DeleteElasticsearchServiceRole DELETE /2015-01-01/es/role
DeleteInboundConnection DELETE /2021-01-01/opensearch/cc/inboundConnection/{ConnectionId}
DeleteInboundCrossClusterSearchConnection DELETE /2015-01-01/es/ccs/inboundConnection/{ConnectionId} u:ConnectionId=CrossClusterSearchConnectionId
DeleteIndex DELETE /2021-01-01/opensearch/domain/{DomainName}/index/{IndexName}
DeleteOutboundConnection DELETE /2021-01-01/opensearch/cc/outboundConnection/{ConnectionId}
DeleteOutboundCrossClusterSearchConnection DELETE /2015-01-01/es/ccs/outboundConnection/{ConnectionId} u:ConnectionId=CrossClusterSearchConnectionId
DeletePackage DELETE /2015-01-01/packages/{PackageID}
DeletePackage DELETE /2021-01-01/packages/{PackageID}
DeleteVpcEndpoint DELETE /2015-01-01/es/vpcEndpoints/{VpcEndpointId}
DeleteVpcEndpoint DELETE /2021-01-01/opensearch/vpcEndpoints/{VpcEndpointId}
DeregisterCapability DELETE /2021-01-01/opensearch/application/{ApplicationId}/capability/deregister/{CapabilityName} u:ApplicationId=applicationId u:CapabilityName=capabilityName
DescribeDataSourceAttachment POST /2021-01-01/opensearch/application/{id}/describeDataSourceAttachment
DescribeDomain GET /2021-01-01/opensearch/domain/{DomainName}
DescribeDomainAutoTunes GET /2015-01-01/es/domain/{DomainName}/autoTunes q:maxResults=MaxResults q:nextToken=NextToken
DescribeDomainAutoTunes GET /2021-01-01/opensearch/domain/{DomainName}/autoTunes q:maxResults=MaxResults q:nextToken=NextToken
DescribeDomainChangeProgress GET /2015-01-01/es/domain/{DomainName}/progress q:changeid=ChangeId
DescribeDomainChangeProgress GET /2021-01-01/opensearch/domain/{DomainName}/progress q:changeid=ChangeId
DescribeDomainConfig GET /2021-01-01/opensearch/domain/{DomainName}/config
DescribeDomainHealth GET /2021-01-01/opensearch/domain/{DomainName}/health
DescribeDomainNodes GET /2021-01-01/opensearch/domain/{DomainName}/nodes
DescribeDomainReplication GET /2021-01-01/opensearch/domain/{DomainName}/replication
DescribeDomains POST /2021-01-01/opensearch/domain-info
DescribeDryRunProgress GET /2021-01-01/opensearch/domain/{DomainName}/dryRun q:dryRunId=DryRunId q:loadDryRunConfig=LoadDryRunConfig
DescribeElasticsearchDomain GET /2015-01-01/es/domain/{DomainName}
DescribeElasticsearchDomainConfig GET /2015-01-01/es/domain/{DomainName}/config
DescribeElasticsearchDomains POST /2015-01-01/es/domain-info
DescribeElasticsearchInstanceTypeLimits GET /2015-01-01/es/instanceTypeLimits/{ElasticsearchVersion}/{InstanceType} q:domainName=DomainName
DescribeInboundConnections POST /2021-01-01/opensearch/cc/inboundConnection/search
DescribeInboundCrossClusterSearchConnections POST /2015-01-01/es/ccs/inboundConnection/search
DescribeInsightDetails POST /2021-01-01/opensearch/insight-details
DescribeInstanceTypeLimits GET /2021-01-01/opensearch/instanceTypeLimits/{EngineVersion}/{InstanceType} q:domainName=DomainName
DescribeOutboundConnections POST /2021-01-01/opensearch/cc/outboundConnection/search
DescribeOutboundCrossClusterSearchConnections POST /2015-01-01/es/ccs/outboundConnection/search
DescribePackages POST /2015-01-01/packages/describe
DescribePackages POST /2021-01-01/packages/describe
DescribeReservedElasticsearchInstanceOfferings GET /2015-01-01/es/reservedInstanceOfferings q:offeringId=ReservedElasticsearchInstanceOfferingId q:maxResults=MaxResults q:nextToken=NextToken
DescribeReservedElasticsearchInstances GET /2015-01-01/es/reservedInstances q:reservationId=ReservedElasticsearchInstanceId q:maxResults=MaxResults q:nextToken=NextToken
DescribeReservedInstanceOfferings GET /2021-01-01/opensearch/reservedInstanceOfferings q:offeringId=ReservedInstanceOfferingId q:maxResults=MaxResults q:nextToken=NextToken
DescribeReservedInstances GET /2021-01-01/opensearch/reservedInstances q:reservationId=ReservedInstanceId q:maxResults=MaxResults q:nextToken=NextToken
DescribeVpcEndpoints POST /2015-01-01/es/vpcEndpoints/describe
DescribeVpcEndpoints POST /2021-01-01/opensearch/vpcEndpoints/describe
DetachDataSource POST /2021-01-01/opensearch/application/{id}/detachDataSource
DissociatePackage POST /2015-01-01/packages/dissociate/{PackageID}/{DomainName}
DissociatePackage POST /2021-01-01/packages/dissociate/{PackageID}/{DomainName}
DissociatePackages POST /2021-01-01/packages/dissociateMultiple
FailoverReplication POST /2021-01-01/opensearch/domain/{DomainName}/replication/failover
GetApplication GET /2021-01-01/opensearch/application/{id}
GetCapability GET /2021-01-01/opensearch/application/{ApplicationId}/capability/{CapabilityName} u:ApplicationId=applicationId u:CapabilityName=capabilityName
GetCompatibleElasticsearchVersions GET /2015-01-01/es/compatibleVersions q:domainName=DomainName
GetCompatibleVersions GET /2021-01-01/opensearch/compatibleVersions q:domainName=DomainName
GetDataSource GET /2021-01-01/opensearch/domain/{DomainName}/dataSource/{DataSourceName} u:DataSourceName=Name
GetDefaultApplicationSetting GET /2021-01-01/opensearch/defaultApplicationSetting
GetDirectQueryDataSource GET /2021-01-01/opensearch/directQueryDataSource/{DataSourceName}
GetDomainMaintenanceStatus GET /2021-01-01/opensearch/domain/{DomainName}/domainMaintenance q!maintenanceId=MaintenanceId
GetIndex GET /2021-01-01/opensearch/domain/{DomainName}/index/{IndexName}
GetMigration GET /2021-01-01/opensearch/app-migrations/{migrationId}
GetPackageVersionHistory GET /2015-01-01/packages/{PackageID}/history q:maxResults=MaxResults q:nextToken=NextToken
GetPackageVersionHistory GET /2021-01-01/packages/{PackageID}/history q:maxResults=MaxResults q:nextToken=NextToken
GetUpgradeHistory GET /2015-01-01/es/upgradeDomain/{DomainName}/history q:maxResults=MaxResults q:nextToken=NextToken
GetUpgradeHistory GET /2021-01-01/opensearch/upgradeDomain/{DomainName}/history q:maxResults=MaxResults q:nextToken=NextToken
GetUpgradeStatus GET /2015-01-01/es/upgradeDomain/{DomainName}/status
GetUpgradeStatus GET /2021-01-01/opensearch/upgradeDomain/{DomainName}/status
InsightFeedback POST /2021-01-01/opensearch/insight-feedback
ListApplications GET /2021-01-01/opensearch/list-applications q:nextToken q:statuses q:maxResults
ListDataSourceAttachments POST /2021-01-01/opensearch/application/{id}/listDataSourceAttachments
ListDataSources GET /2021-01-01/opensearch/domain/{DomainName}/dataSource
ListDirectQueryDataSources GET /2021-01-01/opensearch/directQueryDataSource q:nexttoken=NextToken
ListDomainMaintenances GET /2021-01-01/opensearch/domain/{DomainName}/domainMaintenances q:action=Action q:status=Status q:maxResults=MaxResults q:nextToken=NextToken
ListDomainNames GET /2015-01-01/domain q:engineType=EngineType
ListDomainNames GET /2021-01-01/domain q:engineType=EngineType
ListDomainsForPackage GET /2015-01-01/packages/{PackageID}/domains q:maxResults=MaxResults q:nextToken=NextToken
ListDomainsForPackage GET /2021-01-01/packages/{PackageID}/domains q:maxResults=MaxResults q:nextToken=NextToken
ListElasticsearchInstanceTypes GET /2015-01-01/es/instanceTypes/{ElasticsearchVersion} q:domainName=DomainName q:maxResults=MaxResults q:nextToken=NextToken
ListElasticsearchVersions GET /2015-01-01/es/versions q:maxResults=MaxResults q:nextToken=NextToken
ListInsights POST /2021-01-01/opensearch/insights
ListInstanceTypeDetails GET /2021-01-01/opensearch/instanceTypeDetails/{EngineVersion} q:domainName=DomainName q:maxResults=MaxResults q:nextToken=NextToken q:retrieveAZs=RetrieveAZs q:instanceType=InstanceType
ListMigrations GET /2021-01-01/opensearch/app-migrations q!applicationId q:status q:maxResults q:nextToken
ListPackagesForDomain GET /2015-01-01/domain/{DomainName}/packages q:maxResults=MaxResults q:nextToken=NextToken
ListPackagesForDomain GET /2021-01-01/domain/{DomainName}/packages q:maxResults=MaxResults q:nextToken=NextToken
ListScheduledActions GET /2021-01-01/opensearch/domain/{DomainName}/scheduledActions q:maxResults=MaxResults q:nextToken=NextToken
ListTags GET /2015-01-01/tags/ q!arn=ARN
ListTags GET /2021-01-01/tags/ q!arn=ARN
ListVersions GET /2021-01-01/opensearch/versions q:maxResults=MaxResults q:nextToken=NextToken
ListVpcEndpointAccess GET /2015-01-01/es/domain/{DomainName}/listVpcEndpointAccess q:nextToken=NextToken
ListVpcEndpointAccess GET /2021-01-01/opensearch/domain/{DomainName}/listVpcEndpointAccess q:nextToken=NextToken
ListVpcEndpoints GET /2015-01-01/es/vpcEndpoints q:nextToken=NextToken
ListVpcEndpoints GET /2021-01-01/opensearch/vpcEndpoints q:nextToken=NextToken
ListVpcEndpointsForDomain GET /2015-01-01/es/domain/{DomainName}/vpcEndpoints q:nextToken=NextToken
ListVpcEndpointsForDomain GET /2021-01-01/opensearch/domain/{DomainName}/vpcEndpoints q:nextToken=NextToken
PurchaseReservedElasticsearchInstanceOffering POST /2015-01-01/es/purchaseReservedInstanceOffering
PurchaseReservedInstanceOffering POST /2021-01-01/opensearch/purchaseReservedInstanceOffering
PutDefaultApplicationSetting PUT /2021-01-01/opensearch/defaultApplicationSetting
RegisterCapability POST /2021-01-01/opensearch/application/{ApplicationId}/capability/register u:ApplicationId=applicationId
RejectInboundConnection PUT /2021-01-01/opensearch/cc/inboundConnection/{ConnectionId}/reject
RejectInboundCrossClusterSearchConnection PUT /2015-01-01/es/ccs/inboundConnection/{ConnectionId}/reject u:ConnectionId=CrossClusterSearchConnectionId
RemoveReplicationPeer POST /2021-01-01/opensearch/domain/{DomainName}/replication/removePeer
RemoveTags POST /2015-01-01/tags-removal
RemoveTags POST /2021-01-01/tags-removal
RevokeVpcEndpointAccess POST /2015-01-01/es/domain/{DomainName}/revokeVpcEndpointAccess
RevokeVpcEndpointAccess POST /2021-01-01/opensearch/domain/{DomainName}/revokeVpcEndpointAccess
RollbackServiceSoftwareUpdate POST /2021-01-01/opensearch/serviceSoftwareUpdate/rollback
StartDomainMaintenance POST /2021-01-01/opensearch/domain/{DomainName}/domainMaintenance
StartElasticsearchServiceSoftwareUpdate POST /2015-01-01/es/serviceSoftwareUpdate/start
StartMigration POST /2021-01-01/opensearch/app-migrations
StartServiceSoftwareUpdate POST /2021-01-01/opensearch/serviceSoftwareUpdate/start
SwitchoverReplication POST /2021-01-01/opensearch/domain/{DomainName}/replication/switchover
UpdateApplication PUT /2021-01-01/opensearch/application/{id}
UpdateClone POST /2015-01-01/es/domain/{DomainName}/clone
UpdateClone POST /2021-01-01/opensearch/domain/{DomainName}/clone
UpdateDataSource PUT /2021-01-01/opensearch/domain/{DomainName}/dataSource/{DataSourceName} u:DataSourceName=Name
UpdateDirectQueryDataSource PUT /2021-01-01/opensearch/directQueryDataSource/{DataSourceName}
UpdateDomainConfig POST /2021-01-01/opensearch/domain/{DomainName}/config
UpdateElasticsearchDomainConfig POST /2015-01-01/es/domain/{DomainName}/config
UpdateIndex PUT /2021-01-01/opensearch/domain/{DomainName}/index/{IndexName}
UpdatePackage POST /2015-01-01/packages/update
UpdatePackage POST /2021-01-01/packages/update
UpdatePackageScope POST /2021-01-01/packages/updateScope
UpdateScheduledAction PUT /2021-01-01/opensearch/domain/{DomainName}/scheduledAction/update
UpdateVpcEndpoint POST /2015-01-01/es/vpcEndpoints/update
UpdateVpcEndpoint POST /2021-01-01/opensearch/vpcEndpoints/update
UpgradeDomain POST /2021-01-01/opensearch/upgradeDomain
UpgradeElasticsearchDomain POST /2015-01-01/es/upgradeDomain
""",
    "fis": """\
CreateExperimentTemplate POST /experimentTemplates
CreateTargetAccountConfiguration POST /experimentTemplates/{id}/targetAccountConfigurations/{accountId} u:id=experimentTemplateId
DeleteExperimentTemplate DELETE /experimentTemplates/{id}
DeleteTargetAccountConfiguration DELETE /experimentTemplates/{id}/targetAccountConfigurations/{accountId} u:id=experimentTemplateId
GetAction GET /actions/{id}
GetExperiment GET /experiments/{id}
GetExperimentTargetAccountConfiguration GET /experiments/{id}/targetAccountConfigurations/{accountId} u:id=experimentId
GetExperimentTemplate GET /experimentTemplates/{id}
GetSafetyLever GET /safetyLevers/{id}
GetTargetAccountConfiguration GET /experimentTemplates/{id}/targetAccountConfigurations/{accountId} u:id=experimentTemplateId
GetTargetResourceType GET /targetResourceTypes/{resourceType}
ListActions GET /actions q:maxResults q:nextToken
ListExperimentResolvedTargets GET /experiments/{id}/resolvedTargets u:id=experimentId q:maxResults q:nextToken q:targetName
ListExperimentTargetAccountConfigurations GET /experiments/{id}/targetAccountConfigurations u:id=experimentId q:nextToken
ListExperimentTemplates GET /experimentTemplates q:maxResults q:nextToken
ListExperiments GET /experiments q:maxResults q:nextToken q:experimentTemplateId
ListTagsForResource GET /tags/{resourceArn}
ListTargetAccountConfigurations GET /experimentTemplates/{id}/targetAccountConfigurations u:id=experimentTemplateId q:maxResults q:nextToken
ListTargetResourceTypes GET /targetResourceTypes q:maxResults q:nextToken
StartExperiment POST /experiments
StopExperiment DELETE /experiments/{id}
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q:tagKeys
UpdateExperimentTemplate PATCH /experimentTemplates/{id}
UpdateSafetyLeverState PATCH /safetyLevers/{id}/state
UpdateTargetAccountConfiguration PATCH /experimentTemplates/{id}/targetAccountConfigurations/{accountId} u:id=experimentTemplateId
""",
    "glacier": """\
AbortMultipartUpload DELETE /{accountId}/vaults/{vaultName}/multipart-uploads/{uploadId}
AbortVaultLock DELETE /{accountId}/vaults/{vaultName}/lock-policy
AddTagsToVault POST /{accountId}/vaults/{vaultName}/tags?operation=add
CompleteMultipartUpload POST /{accountId}/vaults/{vaultName}/multipart-uploads/{uploadId} h:x-amz-archive-size=archiveSize h:x-amz-sha256-tree-hash=checksum
CompleteVaultLock POST /{accountId}/vaults/{vaultName}/lock-policy/{lockId}
CreateVault PUT /{accountId}/vaults/{vaultName}
DeleteArchive DELETE /{accountId}/vaults/{vaultName}/archives/{archiveId}
DeleteVault DELETE /{accountId}/vaults/{vaultName}
DeleteVaultAccessPolicy DELETE /{accountId}/vaults/{vaultName}/access-policy
DeleteVaultNotifications DELETE /{accountId}/vaults/{vaultName}/notification-configuration
DescribeJob GET /{accountId}/vaults/{vaultName}/jobs/{jobId}
DescribeVault GET /{accountId}/vaults/{vaultName}
GetDataRetrievalPolicy GET /{accountId}/policies/data-retrieval
GetJobOutput GET /{accountId}/vaults/{vaultName}/jobs/{jobId}/output h:Range=range
GetVaultAccessPolicy GET /{accountId}/vaults/{vaultName}/access-policy
GetVaultLock GET /{accountId}/vaults/{vaultName}/lock-policy
GetVaultNotifications GET /{accountId}/vaults/{vaultName}/notification-configuration
InitiateJob POST /{accountId}/vaults/{vaultName}/jobs
InitiateMultipartUpload POST /{accountId}/vaults/{vaultName}/multipart-uploads h:x-amz-archive-description=archiveDescription h:x-amz-part-size=partSize
InitiateVaultLock POST /{accountId}/vaults/{vaultName}/lock-policy
ListJobs GET /{accountId}/vaults/{vaultName}/jobs q:limit q:marker q:statuscode q:completed
ListMultipartUploads GET /{accountId}/vaults/{vaultName}/multipart-uploads q:marker q:limit
ListParts GET /{accountId}/vaults/{vaultName}/multipart-uploads/{uploadId} q:marker q:limit
ListProvisionedCapacity GET /{accountId}/provisioned-capacity
ListTagsForVault GET /{accountId}/vaults/{vaultName}/tags
ListVaults GET /{accountId}/vaults q:marker q:limit
PurchaseProvisionedCapacity POST /{accountId}/provisioned-capacity
RemoveTagsFromVault POST /{accountId}/vaults/{vaultName}/tags?operation=remove
SetDataRetrievalPolicy PUT /{accountId}/policies/data-retrieval
SetVaultAccessPolicy PUT /{accountId}/vaults/{vaultName}/access-policy
SetVaultNotifications PUT /{accountId}/vaults/{vaultName}/notification-configuration
UploadArchive POST /{accountId}/vaults/{vaultName}/archives h:x-amz-archive-description=archiveDescription h:x-amz-sha256-tree-hash=checksum
UploadMultipartPart PUT /{accountId}/vaults/{vaultName}/multipart-uploads/{uploadId} h:x-amz-sha256-tree-hash=checksum h:Content-Range=range
""",
    "grafana": """\
AssociateLicense POST /workspaces/{workspaceId}/licenses/{licenseType} h:Grafana-Token=grafanaToken
CreateWorkspace POST /workspaces
CreateWorkspaceApiKey POST /workspaces/{workspaceId}/apikeys
CreateWorkspaceServiceAccount POST /workspaces/{workspaceId}/serviceaccounts
CreateWorkspaceServiceAccountToken POST /workspaces/{workspaceId}/serviceaccounts/{serviceAccountId}/tokens
DeleteWorkspace DELETE /workspaces/{workspaceId}
DeleteWorkspaceApiKey DELETE /workspaces/{workspaceId}/apikeys/{keyName}
DeleteWorkspaceServiceAccount DELETE /workspaces/{workspaceId}/serviceaccounts/{serviceAccountId}
DeleteWorkspaceServiceAccountToken DELETE /workspaces/{workspaceId}/serviceaccounts/{serviceAccountId}/tokens/{tokenId}
DescribeWorkspace GET /workspaces/{workspaceId}
DescribeWorkspaceAuthentication GET /workspaces/{workspaceId}/authentication
DescribeWorkspaceConfiguration GET /workspaces/{workspaceId}/configuration
DisassociateLicense DELETE /workspaces/{workspaceId}/licenses/{licenseType}
ListPermissions GET /workspaces/{workspaceId}/permissions q:maxResults q:nextToken q:userType q:userId q:groupId
ListTagsForResource GET /tags/{resourceArn}
ListVersions GET /versions q:maxResults q:nextToken q:workspace-id=workspaceId
ListWorkspaceServiceAccountTokens GET /workspaces/{workspaceId}/serviceaccounts/{serviceAccountId}/tokens q:maxResults q:nextToken
ListWorkspaceServiceAccounts GET /workspaces/{workspaceId}/serviceaccounts q:maxResults q:nextToken
ListWorkspaces GET /workspaces q:maxResults q:nextToken
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
UpdatePermissions PATCH /workspaces/{workspaceId}/permissions
UpdateWorkspace PUT /workspaces/{workspaceId}
UpdateWorkspaceAuthentication POST /workspaces/{workspaceId}/authentication
UpdateWorkspaceConfiguration PUT /workspaces/{workspaceId}/configuration
""",
    "guardduty": """\
AcceptAdministratorInvitation POST /detector/{DetectorId}/administrator
AcceptInvitation POST /detector/{DetectorId}/master
ArchiveFindings POST /detector/{DetectorId}/findings/archive
CreateCustomDetectionRuleAssociation POST /custom-detection-rule/association
CreateCustomDetectionRuleOrgConfiguration POST /custom-detection-rule/org-configuration
CreateDetector POST /detector
CreateFilter POST /detector/{DetectorId}/filter
CreateIPSet POST /detector/{DetectorId}/ipset
CreateInvestigation POST /detector/{DetectorId}/investigation
CreateMalwareProtectionPlan POST /malware-protection-plan
CreateMembers POST /detector/{DetectorId}/member
CreatePublishingDestination POST /detector/{DetectorId}/publishingDestination
CreateSampleFindings POST /detector/{DetectorId}/findings/create
CreateThreatEntitySet POST /detector/{DetectorId}/threatentityset
CreateThreatIntelSet POST /detector/{DetectorId}/threatintelset
CreateTrustedEntitySet POST /detector/{DetectorId}/trustedentityset
DeclineInvitations POST /invitation/decline
DeleteCustomDetectionRuleAssociation DELETE /custom-detection-rule/rule/{RuleId}/association/{AssociationId}
DeleteCustomDetectionRuleOrgConfiguration DELETE /custom-detection-rule/org-configuration/{RuleId} q!mode=Mode
DeleteDetector DELETE /detector/{DetectorId}
DeleteFilter DELETE /detector/{DetectorId}/filter/{FilterName}
DeleteIPSet DELETE /detector/{DetectorId}/ipset/{IpSetId}
DeleteInvitations POST /invitation/delete
DeleteMalwareProtectionPlan DELETE /malware-protection-plan/{MalwareProtectionPlanId}
DeleteMembers POST /detector/{DetectorId}/member/delete
DeletePublishingDestination DELETE /detector/{DetectorId}/publishingDestination/{DestinationId}
DeleteThreatEntitySet DELETE /detector/{DetectorId}/threatentityset/{ThreatEntitySetId}
DeleteThreatIntelSet DELETE /detector/{DetectorId}/threatintelset/{ThreatIntelSetId}
DeleteTrustedEntitySet DELETE /detector/{DetectorId}/trustedentityset/{TrustedEntitySetId}
DescribeMalwareScans POST /detector/{DetectorId}/malware-scans
DescribeOrganizationConfiguration GET /detector/{DetectorId}/admin q:maxResults=MaxResults q:nextToken=NextToken
DescribePublishingDestination GET /detector/{DetectorId}/publishingDestination/{DestinationId}
DisableOrganizationAdminAccount POST /admin/disable
DisassociateFromAdministratorAccount POST /detector/{DetectorId}/administrator/disassociate
DisassociateFromMasterAccount POST /detector/{DetectorId}/master/disassociate
DisassociateMembers POST /detector/{DetectorId}/member/disassociate
EnableOrganizationAdminAccount POST /admin/enable
GetAdministratorAccount GET /detector/{DetectorId}/administrator
GetCoverageStatistics POST /detector/{DetectorId}/coverage/statistics
GetCustomDetectionRule GET /custom-detection-rule/rule/{RuleId}
GetCustomDetectionRuleAssociation GET /custom-detection-rule/rule/{RuleId}/association/{AssociationId}
GetCustomDetectionRuleOrgConfiguration GET /custom-detection-rule/org-configuration/{RuleId} q!mode=Mode
GetDetector GET /detector/{DetectorId}
GetFilter GET /detector/{DetectorId}/filter/{FilterName}
GetFindings POST /detector/{DetectorId}/findings/get
GetFindingsStatistics POST /detector/{DetectorId}/findings/statistics
GetIPSet GET /detector/{DetectorId}/ipset/{IpSetId}
GetInvestigation GET /detector/{DetectorId}/investigation/{InvestigationId} q:summaryFormat=SummaryFormat
GetInvitationsCount GET /invitation/count
GetMalwareProtectionPlan GET /malware-protection-plan/{MalwareProtectionPlanId}
GetMalwareScan GET /malware-scan/{ScanId}
GetMalwareScanSettings GET /detector/{DetectorId}/malware-scan-settings
GetMasterAccount GET /detector/{DetectorId}/master
GetMemberDetectors POST /detector/{DetectorId}/member/detector/get
GetMembers POST /detector/{DetectorId}/member/get
GetOrganizationStatistics GET /organization/statistics
GetRemainingFreeTrialDays POST /detector/{DetectorId}/freeTrial/daysRemaining
GetThreatEntitySet GET /detector/{DetectorId}/threatentityset/{ThreatEntitySetId}
GetThreatIntelSet GET /detector/{DetectorId}/threatintelset/{ThreatIntelSetId}
GetTrustedEntitySet GET /detector/{DetectorId}/trustedentityset/{TrustedEntitySetId}
GetUsageStatistics POST /detector/{DetectorId}/usage/statistics
InviteMembers POST /detector/{DetectorId}/member/invite
ListCoverage POST /detector/{DetectorId}/coverage
ListCustomDetectionRuleAssociations GET /custom-detection-rule/association q:maxResults=MaxResults q:nextToken=NextToken q:ruleId=RuleId q:mode=Mode
ListCustomDetectionRuleOrgConfigurations GET /custom-detection-rule/org-configuration q:maxResults=MaxResults q:nextToken=NextToken q:status=Status
ListCustomDetectionRules POST /custom-detection-rule/rule
ListDetectors GET /detector q:maxResults=MaxResults q:nextToken=NextToken
ListFilters GET /detector/{DetectorId}/filter q:maxResults=MaxResults q:nextToken=NextToken
ListFindings POST /detector/{DetectorId}/findings
ListIPSets GET /detector/{DetectorId}/ipset q:maxResults=MaxResults q:nextToken=NextToken
ListInvestigationRecords POST /detector/{DetectorId}/investigation/records
ListInvestigations POST /detector/{DetectorId}/investigation/list
ListInvitations GET /invitation q:maxResults=MaxResults q:nextToken=NextToken
ListMalwareProtectionPlans GET /malware-protection-plan q:nextToken=NextToken
ListMalwareScans POST /malware-scan q:maxResults=MaxResults q:nextToken=NextToken
ListMembers GET /detector/{DetectorId}/member q:maxResults=MaxResults q:nextToken=NextToken q:onlyAssociated=OnlyAssociated
ListOrganizationAdminAccounts GET /admin q:maxResults=MaxResults q:nextToken=NextToken
ListPublishingDestinations GET /detector/{DetectorId}/publishingDestination q:maxResults=MaxResults q:nextToken=NextToken
ListTagsForResource GET /tags/{ResourceArn}
ListThreatEntitySets GET /detector/{DetectorId}/threatentityset q:maxResults=MaxResults q:nextToken=NextToken
ListThreatIntelSets GET /detector/{DetectorId}/threatintelset q:maxResults=MaxResults q:nextToken=NextToken
ListTrustedEntitySets GET /detector/{DetectorId}/trustedentityset q:maxResults=MaxResults q:nextToken=NextToken
SendObjectMalwareScan POST /object-malware-scan/send
StartMalwareScan POST /malware-scan/start
StartMonitoringMembers POST /detector/{DetectorId}/member/start
StopMonitoringMembers POST /detector/{DetectorId}/member/stop
TagResource POST /tags/{ResourceArn}
UnarchiveFindings POST /detector/{DetectorId}/findings/unarchive
UntagResource DELETE /tags/{ResourceArn} q!tagKeys=TagKeys
UpdateCustomDetectionRuleAssociation PUT /custom-detection-rule/rule/{RuleId}/association/{AssociationId}
UpdateCustomDetectionRuleOrgConfiguration PUT /custom-detection-rule/org-configuration/{RuleId}
UpdateDetector POST /detector/{DetectorId}
UpdateFilter POST /detector/{DetectorId}/filter/{FilterName}
UpdateFindingsFeedback POST /detector/{DetectorId}/findings/feedback
UpdateIPSet POST /detector/{DetectorId}/ipset/{IpSetId}
UpdateMalwareProtectionPlan PATCH /malware-protection-plan/{MalwareProtectionPlanId}
UpdateMalwareScanSettings POST /detector/{DetectorId}/malware-scan-settings
UpdateMemberDetectors POST /detector/{DetectorId}/member/detector/update
UpdateOrganizationConfiguration POST /detector/{DetectorId}/admin
UpdatePublishingDestination POST /detector/{DetectorId}/publishingDestination/{DestinationId}
UpdateThreatEntitySet POST /detector/{DetectorId}/threatentityset/{ThreatEntitySetId}
UpdateThreatIntelSet POST /detector/{DetectorId}/threatintelset/{ThreatIntelSetId}
UpdateTrustedEntitySet POST /detector/{DetectorId}/trustedentityset/{TrustedEntitySetId}
""",
    "iot": """\
AcceptCertificateTransfer PATCH /accept-certificate-transfer/{certificateId} q:setAsActive
AddThingToBillingGroup PUT /billing-groups/addThingToBillingGroup
AddThingToThingGroup PUT /thing-groups/addThingToThingGroup
AssociateSbomWithPackageVersion PUT /packages/{packageName}/versions/{versionName}/sbom q:clientToken
AssociateTargetsWithJob POST /jobs/{jobId}/targets q:namespaceId
AttachPolicy PUT /target-policies/{policyName}
AttachPrincipalPolicy PUT /principal-policies/{policyName} h!x-amzn-iot-principal=principal
AttachSecurityProfile PUT /security-profiles/{securityProfileName}/targets q!securityProfileTargetArn
AttachThingPrincipal PUT /things/{thingName}/principals h!x-amzn-principal=principal q:thingPrincipalType
CancelAuditMitigationActionsTask PUT /audit/mitigationactions/tasks/{taskId}/cancel
CancelAuditTask PUT /audit/tasks/{taskId}/cancel
CancelCertificateTransfer PATCH /cancel-certificate-transfer/{certificateId}
CancelDetectMitigationActionsTask PUT /detect/mitigationactions/tasks/{taskId}/cancel
CancelJob PUT /jobs/{jobId}/cancel q:force
CancelJobExecution PUT /things/{thingName}/jobs/{jobId}/cancel q:force
ClearDefaultAuthorizer DELETE /default-authorizer
ConfirmTopicRuleDestination GET /confirmdestination/{confirmationToken+}
CreateAuditSuppression POST /audit/suppressions/create
CreateAuthorizer POST /authorizer/{authorizerName}
CreateBillingGroup POST /billing-groups/{billingGroupName}
CreateCertificateFromCsr POST /certificates q:setAsActive
CreateCertificateProvider POST /certificate-providers/{certificateProviderName}
CreateCommand PUT /commands/{commandId}
CreateCustomMetric POST /custom-metric/{metricName}
CreateDimension POST /dimensions/{name}
CreateDomainConfiguration POST /domainConfigurations/{domainConfigurationName}
CreateDynamicThingGroup POST /dynamic-thing-groups/{thingGroupName}
CreateFleetMetric PUT /fleet-metric/{metricName}
CreateJob PUT /jobs/{jobId}
CreateJobTemplate PUT /job-templates/{jobTemplateId}
CreateKeysAndCertificate POST /keys-and-certificate q:setAsActive
CreateMitigationAction POST /mitigationactions/actions/{actionName}
CreateOTAUpdate POST /otaUpdates/{otaUpdateId}
CreatePackage PUT /packages/{packageName} q:clientToken
CreatePackageVersion PUT /packages/{packageName}/versions/{versionName} q:clientToken
CreatePolicy POST /policies/{policyName}
CreatePolicyVersion POST /policies/{policyName}/version q:setAsDefault
CreateProvisioningClaim POST /provisioning-templates/{templateName}/provisioning-claim
CreateProvisioningTemplate POST /provisioning-templates
CreateProvisioningTemplateVersion POST /provisioning-templates/{templateName}/versions q:setAsDefault
CreateRoleAlias POST /role-aliases/{roleAlias}
CreateScheduledAudit POST /audit/scheduledaudits/{scheduledAuditName}
CreateSecurityProfile POST /security-profiles/{securityProfileName}
CreateStream POST /streams/{streamId}
CreateThing POST /things/{thingName}
CreateThingGroup POST /thing-groups/{thingGroupName}
CreateThingType POST /thing-types/{thingTypeName}
CreateTopicRule POST /rules/{ruleName} h:x-amz-tagging=tags
CreateTopicRuleDestination POST /destinations
DeleteAccountAuditConfiguration DELETE /audit/configuration q:deleteScheduledAudits
DeleteAuditSuppression POST /audit/suppressions/delete
DeleteAuthorizer DELETE /authorizer/{authorizerName}
DeleteBillingGroup DELETE /billing-groups/{billingGroupName} q:expectedVersion
DeleteCACertificate DELETE /cacertificate/{caCertificateId} u:caCertificateId=certificateId
DeleteCertificate DELETE /certificates/{certificateId} q:forceDelete
DeleteCertificateProvider DELETE /certificate-providers/{certificateProviderName}
DeleteCommand DELETE /commands/{commandId}
DeleteCommandExecution DELETE /command-executions/{executionId} q!targetArn
DeleteCustomMetric DELETE /custom-metric/{metricName}
DeleteDimension DELETE /dimensions/{name}
DeleteDomainConfiguration DELETE /domainConfigurations/{domainConfigurationName}
DeleteDynamicThingGroup DELETE /dynamic-thing-groups/{thingGroupName} q:expectedVersion
DeleteFleetMetric DELETE /fleet-metric/{metricName} q:expectedVersion
DeleteJob DELETE /jobs/{jobId} q:force q:namespaceId
DeleteJobExecution DELETE /things/{thingName}/jobs/{jobId}/executionNumber/{executionNumber} q:force q:namespaceId
DeleteJobTemplate DELETE /job-templates/{jobTemplateId}
DeleteMitigationAction DELETE /mitigationactions/actions/{actionName}
DeleteOTAUpdate DELETE /otaUpdates/{otaUpdateId} q:deleteStream q:forceDeleteAWSJob
DeletePackage DELETE /packages/{packageName} q:clientToken
DeletePackageVersion DELETE /packages/{packageName}/versions/{versionName} q:clientToken
DeletePolicy DELETE /policies/{policyName}
DeletePolicyVersion DELETE /policies/{policyName}/version/{policyVersionId}
DeleteProvisioningTemplate DELETE /provisioning-templates/{templateName}
DeleteProvisioningTemplateVersion DELETE /provisioning-templates/{templateName}/versions/{versionId}
DeleteRegistrationCode DELETE /registrationcode
DeleteRoleAlias DELETE /role-aliases/{roleAlias}
DeleteScheduledAudit DELETE /audit/scheduledaudits/{scheduledAuditName}
DeleteSecurityProfile DELETE /security-profiles/{securityProfileName} q:expectedVersion
DeleteStream DELETE /streams/{streamId}
DeleteThing DELETE /things/{thingName} q:expectedVersion
DeleteThingGroup DELETE /thing-groups/{thingGroupName} q:expectedVersion
DeleteThingType DELETE /thing-types/{thingTypeName}
DeleteTopicRule DELETE /rules/{ruleName}
DeleteTopicRuleDestination DELETE /destinations/{arn+}
DeleteV2LoggingLevel DELETE /v2LoggingLevel q!targetType q!targetName
DeprecateThingType POST /thing-types/{thingTypeName}/deprecate
DescribeAccountAuditConfiguration GET /audit/configuration
DescribeAuditFinding GET /audit/findings/{findingId}
DescribeAuditMitigationActionsTask GET /audit/mitigationactions/tasks/{taskId}
DescribeAuditSuppression POST /audit/suppressions/describe
DescribeAuditTask GET /audit/tasks/{taskId}
DescribeAuthorizer GET /authorizer/{authorizerName}
DescribeBillingGroup GET /billing-groups/{billingGroupName}
DescribeCACertificate GET /cacertificate/{caCertificateId} u:caCertificateId=certificateId
DescribeCertificate GET /certificates/{certificateId}
DescribeCertificateProvider GET /certificate-providers/{certificateProviderName}
DescribeCustomMetric GET /custom-metric/{metricName}
DescribeDefaultAuthorizer GET /default-authorizer
DescribeDetectMitigationActionsTask GET /detect/mitigationactions/tasks/{taskId}
DescribeDimension GET /dimensions/{name}
DescribeDomainConfiguration GET /domainConfigurations/{domainConfigurationName}
DescribeEncryptionConfiguration GET /encryption-configuration
DescribeEndpoint GET /endpoint q:endpointType
DescribeEventConfigurations GET /event-configurations
DescribeFleetMetric GET /fleet-metric/{metricName}
DescribeIndex GET /indices/{indexName}
DescribeJob GET /jobs/{jobId} q:beforeSubstitution
DescribeJobExecution GET /things/{thingName}/jobs/{jobId} q:executionNumber
DescribeJobTemplate GET /job-templates/{jobTemplateId}
DescribeManagedJobTemplate GET /managed-job-templates/{templateName} q:templateVersion
DescribeMitigationAction GET /mitigationactions/actions/{actionName}
DescribeProvisioningTemplate GET /provisioning-templates/{templateName}
DescribeProvisioningTemplateVersion GET /provisioning-templates/{templateName}/versions/{versionId}
DescribeRoleAlias GET /role-aliases/{roleAlias}
DescribeScheduledAudit GET /audit/scheduledaudits/{scheduledAuditName}
DescribeSecurityProfile GET /security-profiles/{securityProfileName}
DescribeStream GET /streams/{streamId}
DescribeThing GET /things/{thingName}
DescribeThingGroup GET /thing-groups/{thingGroupName}
DescribeThingRegistrationTask GET /thing-registration-tasks/{taskId}
DescribeThingType GET /thing-types/{thingTypeName}
DetachPolicy POST /target-policies/{policyName}
DetachPrincipalPolicy DELETE /principal-policies/{policyName} h!x-amzn-iot-principal=principal
DetachSecurityProfile DELETE /security-profiles/{securityProfileName}/targets q!securityProfileTargetArn
DetachThingPrincipal DELETE /things/{thingName}/principals h!x-amzn-principal=principal
DisableTopicRule POST /rules/{ruleName}/disable
DisassociateSbomFromPackageVersion DELETE /packages/{packageName}/versions/{versionName}/sbom q:clientToken
EnableTopicRule POST /rules/{ruleName}/enable
GetBehaviorModelTrainingSummaries GET /behavior-model-training/summaries q:securityProfileName q:maxResults q:nextToken
GetBucketsAggregation POST /indices/buckets
GetCardinality POST /indices/cardinality
GetCommand GET /commands/{commandId}
GetCommandExecution GET /command-executions/{executionId} q!targetArn q:includeResult
GetEffectivePolicies POST /effective-policies q:thingName
GetIndexingConfiguration GET /indexing/config
GetJobDocument GET /jobs/{jobId}/job-document q:beforeSubstitution
GetLoggingOptions GET /loggingOptions
GetOTAUpdate GET /otaUpdates/{otaUpdateId}
GetPackage GET /packages/{packageName}
GetPackageConfiguration GET /package-configuration
GetPackageVersion GET /packages/{packageName}/versions/{versionName}
GetPercentiles POST /indices/percentiles
GetPolicy GET /policies/{policyName}
GetPolicyVersion GET /policies/{policyName}/version/{policyVersionId}
GetRegistrationCode GET /registrationcode
GetStatistics POST /indices/statistics
GetThingConnectivityData POST /things/{thingName}/connectivity-data
GetTopicRule GET /rules/{ruleName}
GetTopicRuleDestination GET /destinations/{arn+}
GetV2LoggingOptions GET /v2LoggingOptions q:verbose
ListActiveViolations GET /active-violations q:thingName q:securityProfileName q:behaviorCriteriaType q:listSuppressedAlerts q:verificationState q:nextToken q:maxResults
ListAttachedPolicies POST /attached-policies/{target} q:recursive q:marker q:pageSize
ListAuditFindings POST /audit/findings
ListAuditMitigationActionsExecutions GET /audit/mitigationactions/executions q!taskId q:actionStatus q!findingId q:maxResults q:nextToken
ListAuditMitigationActionsTasks GET /audit/mitigationactions/tasks q:auditTaskId q:findingId q:taskStatus q:maxResults q:nextToken q!startTime q!endTime
ListAuditSuppressions POST /audit/suppressions/list
ListAuditTasks GET /audit/tasks q!startTime q!endTime q:taskType q:taskStatus q:nextToken q:maxResults
ListAuthorizers GET /authorizers/ q:pageSize q:marker q:isAscendingOrder=ascendingOrder q:status
ListBillingGroups GET /billing-groups q:nextToken q:maxResults q:namePrefixFilter
ListCACertificates GET /cacertificates q:pageSize q:marker q:isAscendingOrder=ascendingOrder q:templateName
ListCertificateProviders GET /certificate-providers/ q:nextToken q:isAscendingOrder=ascendingOrder
ListCertificates GET /certificates q:pageSize q:marker q:isAscendingOrder=ascendingOrder
ListCertificatesByCA GET /certificates-by-ca/{caCertificateId} q:pageSize q:marker q:isAscendingOrder=ascendingOrder
ListCommandExecutions POST /command-executions q:maxResults q:nextToken
ListCommands GET /commands q:maxResults q:nextToken q:namespace q:commandParameterName q:sortOrder
ListCustomMetrics GET /custom-metrics q:nextToken q:maxResults
ListDetectMitigationActionsExecutions GET /detect/mitigationactions/executions q:taskId q:violationId q:thingName q:startTime q:endTime q:maxResults q:nextToken
ListDetectMitigationActionsTasks GET /detect/mitigationactions/tasks q:maxResults q:nextToken q!startTime q!endTime
ListDimensions GET /dimensions q:nextToken q:maxResults
ListDomainConfigurations GET /domainConfigurations q:marker q:pageSize q:serviceType
ListFleetMetrics GET /fleet-metrics q:nextToken q:maxResults
ListIndices GET /indices q:nextToken q:maxResults
ListJobExecutionsForJob GET /jobs/{jobId}/things q:status q:maxResults q:nextToken
ListJobExecutionsForThing GET /things/{thingName}/jobs q:status q:namespaceId q:maxResults q:nextToken q:jobId
ListJobTemplates GET /job-templates q:maxResults q:nextToken
ListJobs GET /jobs q:status q:targetSelection q:maxResults q:nextToken q:thingGroupName q:thingGroupId q:namespaceId
ListManagedJobTemplates GET /managed-job-templates q:templateName q:maxResults q:nextToken
ListMetricValues GET /metric-values q!thingName q!metricName q:dimensionName q:dimensionValueOperator q!startTime q!endTime q:maxResults q:nextToken
ListMitigationActions GET /mitigationactions/actions q:actionType q:maxResults q:nextToken
ListOTAUpdates GET /otaUpdates q:maxResults q:nextToken q:otaUpdateStatus
ListOutgoingCertificates GET /certificates-out-going q:pageSize q:marker q:isAscendingOrder=ascendingOrder
ListPackageVersions GET /packages/{packageName}/versions q:status q:maxResults q:nextToken
ListPackages GET /packages q:maxResults q:nextToken
ListPolicies GET /policies q:marker q:pageSize q:isAscendingOrder=ascendingOrder
ListPolicyPrincipals GET /policy-principals h!x-amzn-iot-policy=policyName q:marker q:pageSize q:isAscendingOrder=ascendingOrder
ListPolicyVersions GET /policies/{policyName}/version
ListPrincipalPolicies GET /principal-policies h!x-amzn-iot-principal=principal q:marker q:pageSize q:isAscendingOrder=ascendingOrder
ListPrincipalThings GET /principals/things q:nextToken q:maxResults h!x-amzn-principal=principal
ListPrincipalThingsV2 GET /principals/things-v2 q:nextToken q:maxResults h!x-amzn-principal=principal q:thingPrincipalType
ListProvisioningTemplateVersions GET /provisioning-templates/{templateName}/versions q:maxResults q:nextToken
ListProvisioningTemplates GET /provisioning-templates q:maxResults q:nextToken
ListRelatedResourcesForAuditFinding GET /audit/relatedResources q!findingId q:nextToken q:maxResults
ListRoleAliases GET /role-aliases q:pageSize q:marker q:isAscendingOrder=ascendingOrder
ListSbomValidationResults GET /packages/{packageName}/versions/{versionName}/sbom-validation-results q:validationResult q:maxResults q:nextToken
ListScheduledAudits GET /audit/scheduledaudits q:nextToken q:maxResults
ListSecurityProfiles GET /security-profiles q:nextToken q:maxResults q:dimensionName q:metricName
ListSecurityProfilesForTarget GET /security-profiles-for-target q:nextToken q:maxResults q:recursive q!securityProfileTargetArn
ListStreams GET /streams q:maxResults q:nextToken q:isAscendingOrder=ascendingOrder
ListTagsForResource GET /tags q!resourceArn q:nextToken
ListTargetsForPolicy POST /policy-targets/{policyName} q:marker q:pageSize
ListTargetsForSecurityProfile GET /security-profiles/{securityProfileName}/targets q:nextToken q:maxResults
ListThingGroups GET /thing-groups q:nextToken q:maxResults q:parentGroup q:namePrefixFilter q:recursive
ListThingGroupsForThing GET /things/{thingName}/thing-groups q:nextToken q:maxResults
ListThingPrincipals GET /things/{thingName}/principals q:nextToken q:maxResults
ListThingPrincipalsV2 GET /things/{thingName}/principals-v2 q:nextToken q:maxResults q:thingPrincipalType
ListThingRegistrationTaskReports GET /thing-registration-tasks/{taskId}/reports q!reportType q:nextToken q:maxResults
ListThingRegistrationTasks GET /thing-registration-tasks q:nextToken q:maxResults q:status
ListThingTypes GET /thing-types q:nextToken q:maxResults q:thingTypeName
ListThings GET /things q:nextToken q:maxResults q:attributeName q:attributeValue q:thingTypeName q:usePrefixAttributeValue
ListThingsInBillingGroup GET /billing-groups/{billingGroupName}/things q:nextToken q:maxResults
ListThingsInThingGroup GET /thing-groups/{thingGroupName}/things q:recursive q:nextToken q:maxResults
ListTopicRuleDestinations GET /destinations q:maxResults q:nextToken
ListTopicRules GET /rules q:topic q:maxResults q:nextToken q:ruleDisabled
ListV2LoggingLevels GET /v2LoggingLevel q:targetType q:nextToken q:maxResults
ListViolationEvents GET /violation-events q!startTime q!endTime q:thingName q:securityProfileName q:behaviorCriteriaType q:listSuppressedAlerts q:verificationState q:nextToken q:maxResults
PutVerificationStateOnViolation POST /violations/verification-state/{violationId}
RegisterCACertificate POST /cacertificate q:setAsActive q:allowAutoRegistration
RegisterCertificate POST /certificate/register q:setAsActive
RegisterCertificateWithoutCA POST /certificate/register-no-ca
RegisterThing POST /things
RejectCertificateTransfer PATCH /reject-certificate-transfer/{certificateId}
RemoveThingFromBillingGroup PUT /billing-groups/removeThingFromBillingGroup
RemoveThingFromThingGroup PUT /thing-groups/removeThingFromThingGroup
ReplaceTopicRule PATCH /rules/{ruleName}
SearchIndex POST /indices/search
SetDefaultAuthorizer POST /default-authorizer
SetDefaultPolicyVersion PATCH /policies/{policyName}/version/{policyVersionId}
SetLoggingOptions POST /loggingOptions
SetV2LoggingLevel POST /v2LoggingLevel
SetV2LoggingOptions POST /v2LoggingOptions
StartAuditMitigationActionsTask POST /audit/mitigationactions/tasks/{taskId}
StartDetectMitigationActionsTask PUT /detect/mitigationactions/tasks/{taskId}
StartOnDemandAuditTask POST /audit/tasks
StartThingRegistrationTask POST /thing-registration-tasks
StopThingRegistrationTask PUT /thing-registration-tasks/{taskId}/cancel
TagResource POST /tags
TestAuthorization POST /test-authorization q:clientId
TestInvokeAuthorizer POST /authorizer/{authorizerName}/test
TransferCertificate PATCH /transfer-certificate/{certificateId} q!targetAwsAccount
UntagResource POST /untag
UpdateAccountAuditConfiguration PATCH /audit/configuration
UpdateAuditSuppression PATCH /audit/suppressions/update
UpdateAuthorizer PUT /authorizer/{authorizerName}
UpdateBillingGroup PATCH /billing-groups/{billingGroupName}
UpdateCACertificate PUT /cacertificate/{caCertificateId} u:caCertificateId=certificateId q:newStatus q:newAutoRegistrationStatus
UpdateCertificate PUT /certificates/{certificateId} q!newStatus
UpdateCertificateProvider PUT /certificate-providers/{certificateProviderName}
UpdateCommand PATCH /commands/{commandId}
UpdateCustomMetric PATCH /custom-metric/{metricName}
UpdateDimension PATCH /dimensions/{name}
UpdateDomainConfiguration PUT /domainConfigurations/{domainConfigurationName}
UpdateDynamicThingGroup PATCH /dynamic-thing-groups/{thingGroupName}
UpdateEncryptionConfiguration PATCH /encryption-configuration
UpdateEventConfigurations PATCH /event-configurations
UpdateFleetMetric PATCH /fleet-metric/{metricName}
UpdateIndexingConfiguration POST /indexing/config
UpdateJob PATCH /jobs/{jobId} q:namespaceId
UpdateMitigationAction PATCH /mitigationactions/actions/{actionName}
UpdatePackage PATCH /packages/{packageName} q:clientToken
UpdatePackageConfiguration PATCH /package-configuration q:clientToken
UpdatePackageVersion PATCH /packages/{packageName}/versions/{versionName} q:clientToken
UpdateProvisioningTemplate PATCH /provisioning-templates/{templateName}
UpdateRoleAlias PUT /role-aliases/{roleAlias}
UpdateScheduledAudit PATCH /audit/scheduledaudits/{scheduledAuditName}
UpdateSecurityProfile PATCH /security-profiles/{securityProfileName} q:expectedVersion
UpdateStream PUT /streams/{streamId}
UpdateThing PATCH /things/{thingName}
UpdateThingGroup PATCH /thing-groups/{thingGroupName}
UpdateThingGroupsForThing PUT /thing-groups/updateThingGroupsForThing
UpdateThingType PATCH /thing-types/{thingTypeName}
UpdateTopicRuleDestination PATCH /destinations
ValidateSecurityProfileBehaviors POST /security-profile-behaviors/validate
""",
    "kafka": """\
BatchAssociateScramSecret POST /v1/clusters/{clusterArn}/scram-secrets u:clusterArn=ClusterArn
BatchDisassociateScramSecret PATCH /v1/clusters/{clusterArn}/scram-secrets u:clusterArn=ClusterArn
CreateAssessment POST /v1/clusters/{clusterArn}/assessments u:clusterArn=ClusterArn
CreateChannel POST /v1/clusters/{clusterArn}/channels u:clusterArn=ClusterArn
CreateCluster POST /v1/clusters
CreateClusterV2 POST /api/v2/clusters
CreateConfiguration POST /v1/configurations
CreateReplicator POST /replication/v1/replicators
CreateTopic POST /v1/clusters/{clusterArn}/topics u:clusterArn=ClusterArn
CreateVpcConnection POST /v1/vpc-connection
DeleteAssessment DELETE /v1/clusters/{clusterArn}/assessments/{assessmentArn} u:assessmentArn=AssessmentArn u:clusterArn=ClusterArn
DeleteChannel DELETE /v1/clusters/{clusterArn}/channels/{channelArn} u:channelArn=ChannelArn u:clusterArn=ClusterArn
DeleteCluster DELETE /v1/clusters/{clusterArn} u:clusterArn=ClusterArn q:currentVersion=CurrentVersion
DeleteClusterPolicy DELETE /v1/clusters/{clusterArn}/policy u:clusterArn=ClusterArn
DeleteConfiguration DELETE /v1/configurations/{arn} u:arn=Arn
DeleteReplicator DELETE /replication/v1/replicators/{replicatorArn} q:currentVersion=CurrentVersion u:replicatorArn=ReplicatorArn
DeleteTopic DELETE /v1/clusters/{clusterArn}/topics/{topicName} u:clusterArn=ClusterArn u:topicName=TopicName
DeleteVpcConnection DELETE /v1/vpc-connection/{arn} u:arn=Arn
DescribeAssessment GET /v1/clusters/{clusterArn}/assessments/{assessmentArn} u:assessmentArn=AssessmentArn u:clusterArn=ClusterArn
DescribeChannel GET /v1/clusters/{clusterArn}/channels/{channelArn} u:channelArn=ChannelArn u:clusterArn=ClusterArn
DescribeCluster GET /v1/clusters/{clusterArn} u:clusterArn=ClusterArn
DescribeClusterOperation GET /v1/operations/{clusterOperationArn} u:clusterOperationArn=ClusterOperationArn
DescribeClusterOperationV2 GET /api/v2/operations/{clusterOperationArn} u:clusterOperationArn=ClusterOperationArn
DescribeClusterV2 GET /api/v2/clusters/{clusterArn} u:clusterArn=ClusterArn
DescribeConfiguration GET /v1/configurations/{arn} u:arn=Arn
DescribeConfigurationRevision GET /v1/configurations/{arn}/revisions/{revision} u:arn=Arn u:revision=Revision
DescribeReplicator GET /replication/v1/replicators/{replicatorArn} u:replicatorArn=ReplicatorArn
DescribeTopic GET /v1/clusters/{clusterArn}/topics/{topicName} u:clusterArn=ClusterArn u:topicName=TopicName
DescribeTopicPartitions GET /v1/clusters/{clusterArn}/topics/{topicName}/partitions u:clusterArn=ClusterArn u:topicName=TopicName q:maxResults=MaxResults q:nextToken=NextToken
DescribeTopicReassignment GET /v1/clusters/{clusterArn}/topic-reassignments/{topicReassignmentOperationArn} u:clusterArn=ClusterArn u:topicReassignmentOperationArn=TopicReassignmentOperationArn
DescribeVpcConnection GET /v1/vpc-connection/{arn} u:arn=Arn
GetBootstrapBrokers GET /v1/clusters/{clusterArn}/bootstrap-brokers u:clusterArn=ClusterArn
GetClusterPolicy GET /v1/clusters/{clusterArn}/policy u:clusterArn=ClusterArn
GetCompatibleKafkaVersions GET /v1/compatible-kafka-versions q:clusterArn=ClusterArn
ListAssessmentFindings GET /v1/clusters/{clusterArn}/assessments/{assessmentArn}/findings u:assessmentArn=AssessmentArn q:category=Category u:clusterArn=ClusterArn q:maxResults=MaxResults q:nextToken=NextToken q:severity=Severity
ListAssessments GET /v1/clusters/{clusterArn}/assessments q:assessmentType=AssessmentType u:clusterArn=ClusterArn q:maxResults=MaxResults q:nextToken=NextToken
ListChannels GET /v1/clusters/{clusterArn}/channels u:clusterArn=ClusterArn q:maxResults=MaxResults q:nextToken=NextToken q:topicNameFilter=TopicNameFilter
ListClientVpcConnections GET /v1/clusters/{clusterArn}/client-vpc-connections u:clusterArn=ClusterArn q:maxResults=MaxResults q:nextToken=NextToken
ListClusterOperations GET /v1/clusters/{clusterArn}/operations u:clusterArn=ClusterArn q:maxResults=MaxResults q:nextToken=NextToken
ListClusterOperationsV2 GET /api/v2/clusters/{clusterArn}/operations u:clusterArn=ClusterArn q:maxResults=MaxResults q:nextToken=NextToken
ListClusters GET /v1/clusters q:clusterNameFilter=ClusterNameFilter q:maxResults=MaxResults q:nextToken=NextToken
ListClustersV2 GET /api/v2/clusters q:clusterNameFilter=ClusterNameFilter q:clusterTypeFilter=ClusterTypeFilter q:maxResults=MaxResults q:nextToken=NextToken
ListConfigurationRevisions GET /v1/configurations/{arn}/revisions u:arn=Arn q:maxResults=MaxResults q:nextToken=NextToken
ListConfigurations GET /v1/configurations q:maxResults=MaxResults q:nextToken=NextToken
ListKafkaVersions GET /v1/kafka-versions q:maxResults=MaxResults q:nextToken=NextToken
ListNodes GET /v1/clusters/{clusterArn}/nodes u:clusterArn=ClusterArn q:maxResults=MaxResults q:nextToken=NextToken
ListReplicators GET /replication/v1/replicators q:maxResults=MaxResults q:nextToken=NextToken q:replicatorNameFilter=ReplicatorNameFilter
ListScramSecrets GET /v1/clusters/{clusterArn}/scram-secrets u:clusterArn=ClusterArn q:maxResults=MaxResults q:nextToken=NextToken
ListTagsForResource GET /v1/tags/{resourceArn} u:resourceArn=ResourceArn
ListTopicReassignments GET /v1/clusters/{clusterArn}/topic-reassignments u:clusterArn=ClusterArn q:maxResults=MaxResults q:nextToken=NextToken q:statusFilter=StatusFilter
ListTopics GET /v1/clusters/{clusterArn}/topics u:clusterArn=ClusterArn q:maxResults=MaxResults q:nextToken=NextToken q:topicNameFilter=TopicNameFilter
ListVpcConnections GET /v1/vpc-connections q:maxResults=MaxResults q:nextToken=NextToken
PutClusterPolicy PUT /v1/clusters/{clusterArn}/policy u:clusterArn=ClusterArn
RebootBroker PUT /v1/clusters/{clusterArn}/reboot-broker u:clusterArn=ClusterArn
RejectClientVpcConnection PUT /v1/clusters/{clusterArn}/client-vpc-connection u:clusterArn=ClusterArn
StartTopicReassignment POST /v1/clusters/{clusterArn}/topic-reassignments u:clusterArn=ClusterArn
StopTopicReassignment POST /v1/clusters/{clusterArn}/topic-reassignments/{topicReassignmentOperationArn}/stop u:clusterArn=ClusterArn u:topicReassignmentOperationArn=TopicReassignmentOperationArn
TagResource POST /v1/tags/{resourceArn} u:resourceArn=ResourceArn
UntagResource DELETE /v1/tags/{resourceArn} u:resourceArn=ResourceArn q!tagKeys=TagKeys
UpdateBrokerCount PUT /v1/clusters/{clusterArn}/nodes/count u:clusterArn=ClusterArn
UpdateBrokerStorage PUT /v1/clusters/{clusterArn}/nodes/storage u:clusterArn=ClusterArn
UpdateBrokerType PUT /v1/clusters/{clusterArn}/nodes/type u:clusterArn=ClusterArn
UpdateChannel PUT /v1/clusters/{clusterArn}/channels/{channelArn} u:channelArn=ChannelArn u:clusterArn=ClusterArn
UpdateClusterConfiguration PUT /v1/clusters/{clusterArn}/configuration u:clusterArn=ClusterArn
UpdateClusterKafkaVersion PUT /v1/clusters/{clusterArn}/version u:clusterArn=ClusterArn
UpdateConfiguration PUT /v1/configurations/{arn} u:arn=Arn
UpdateConnectivity PUT /v1/clusters/{clusterArn}/connectivity u:clusterArn=ClusterArn
UpdateMonitoring PUT /v1/clusters/{clusterArn}/monitoring u:clusterArn=ClusterArn
UpdateRebalancing PUT /v1/clusters/{clusterArn}/rebalancing u:clusterArn=ClusterArn
UpdateReplicationInfo PUT /replication/v1/replicators/{replicatorArn}/replication-info u:replicatorArn=ReplicatorArn
UpdateSecurity PATCH /v1/clusters/{clusterArn}/security u:clusterArn=ClusterArn
UpdateStorage PUT /v1/clusters/{clusterArn}/storage u:clusterArn=ClusterArn
UpdateTopic PUT /v1/clusters/{clusterArn}/topics/{topicName} u:clusterArn=ClusterArn u:topicName=TopicName
""",
    "lakeformation": """\
AddLFTagsToResource POST /AddLFTagsToResource
AssumeDecoratedRoleWithSAML POST /AssumeDecoratedRoleWithSAML
AttachRLSPolicy POST /AttachRLSPolicy
BatchGrantPermissions POST /BatchGrantPermissions
BatchRevokePermissions POST /BatchRevokePermissions
CancelTransaction POST /CancelTransaction
CommitTransaction POST /CommitTransaction
CreateDataCellsFilter POST /CreateDataCellsFilter
CreateLFTag POST /CreateLFTag
CreateLFTagExpression POST /CreateLFTagExpression
CreateLakeFormationIdentityCenterConfiguration POST /CreateLakeFormationIdentityCenterConfiguration
CreateLakeFormationOptIn POST /CreateLakeFormationOptIn
CreateRLSPolicy POST /CreateRLSPolicy
DeleteDataCellsFilter POST /DeleteDataCellsFilter
DeleteLFTag POST /DeleteLFTag
DeleteLFTagExpression POST /DeleteLFTagExpression
DeleteLakeFormationIdentityCenterConfiguration POST /DeleteLakeFormationIdentityCenterConfiguration
DeleteLakeFormationOptIn POST /DeleteLakeFormationOptIn
DeleteObjectsOnCancel POST /DeleteObjectsOnCancel
DeleteRLSPolicy POST /DeleteRLSPolicy
DeregisterResource POST /DeregisterResource
DescribeLakeFormationIdentityCenterConfiguration POST /DescribeLakeFormationIdentityCenterConfiguration
DescribeResource POST /DescribeResource
DescribeTransaction POST /DescribeTransaction
DetachRLSPolicy POST /DetachRLSPolicy
ExtendTransaction POST /ExtendTransaction
GetDataCellsFilter POST /GetDataCellsFilter
GetDataLakePrincipal POST /GetDataLakePrincipal
GetDataLakeSettings POST /GetDataLakeSettings
GetEffectivePermissionsForPath POST /GetEffectivePermissionsForPath
GetGlueFunctionSessionContext POST /GetGlueFunctionSessionContext
GetLFTag POST /GetLFTag
GetLFTagExpression POST /GetLFTagExpression
GetQueryState POST /GetQueryState
GetQueryStatistics POST /GetQueryStatistics
GetRLSPolicy POST /GetRLSPolicy
GetResourceLFTags POST /GetResourceLFTags
GetTableObjects POST /GetTableObjects
GetTemporaryDataLocationCredentials POST /GetTemporaryDataLocationCredentials
GetTemporaryGlueFunctionCredentials POST /GetTemporaryGlueFunctionCredentials
GetTemporaryGluePartitionCredentials POST /GetTemporaryGluePartitionCredentials
GetTemporaryGlueTableCredentials POST /GetTemporaryGlueTableCredentials
GetWorkUnitResults POST /GetWorkUnitResults
GetWorkUnits POST /GetWorkUnits
GrantPermissions POST /GrantPermissions
ListDataCellsFilter POST /ListDataCellsFilter
ListLFTagExpressions POST /ListLFTagExpressions
ListLFTags POST /ListLFTags
ListLakeFormationOptIns POST /ListLakeFormationOptIns
ListPermissions POST /ListPermissions
ListRLSPolicies POST /ListRLSPolicies
ListRLSPolicyAttachments POST /ListRLSPolicyAttachments
ListResources POST /ListResources
ListTableStorageOptimizers POST /ListTableStorageOptimizers
ListTransactions POST /ListTransactions
PutDataLakeSettings POST /PutDataLakeSettings
RegisterResource POST /RegisterResource
RemoveLFTagsFromResource POST /RemoveLFTagsFromResource
RevokePermissions POST /RevokePermissions
SearchDatabasesByLFTags POST /SearchDatabasesByLFTags
SearchTablesByLFTags POST /SearchTablesByLFTags
StartQueryPlanning POST /StartQueryPlanning
StartTransaction POST /StartTransaction
UpdateDataCellsFilter POST /UpdateDataCellsFilter
UpdateLFTag POST /UpdateLFTag
UpdateLFTagExpression POST /UpdateLFTagExpression
UpdateLakeFormationIdentityCenterConfiguration POST /UpdateLakeFormationIdentityCenterConfiguration
UpdateRLSPolicy POST /UpdateRLSPolicy
UpdateResource POST /UpdateResource
UpdateTableObjects POST /UpdateTableObjects
UpdateTableStorageOptimizer POST /UpdateTableStorageOptimizer
""",
    "lambda": """\
AddLayerVersionPermission POST /2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy q:RevisionId
AddPermission POST /2015-03-31/functions/{FunctionName}/policy q:Qualifier
CheckpointDurableExecution POST /2025-12-01/durable-executions/{DurableExecutionArn}/checkpoint
CreateAlias POST /2015-03-31/functions/{FunctionName}/aliases
CreateCapacityProvider POST /2025-11-30/capacity-providers
CreateCodeSigningConfig POST /2020-04-22/code-signing-configs
CreateEventSourceMapping POST /2015-03-31/event-source-mappings
CreateFunction POST /2015-03-31/functions
CreateFunctionUrlConfig POST /2021-10-31/functions/{FunctionName}/url q:Qualifier
DeleteAlias DELETE /2015-03-31/functions/{FunctionName}/aliases/{Name}
DeleteCapacityProvider DELETE /2025-11-30/capacity-providers/{CapacityProviderName}
DeleteCodeSigningConfig DELETE /2020-04-22/code-signing-configs/{CodeSigningConfigArn}
DeleteDurableExecution DELETE /2025-12-01/durable-executions/{DurableExecutionArn}
DeleteEventSourceMapping DELETE /2015-03-31/event-source-mappings/{UUID}
DeleteFunction DELETE /2015-03-31/functions/{FunctionName} q:Qualifier
DeleteFunctionCodeSigningConfig DELETE /2020-06-30/functions/{FunctionName}/code-signing-config
DeleteFunctionConcurrency DELETE /2017-10-31/functions/{FunctionName}/concurrency
DeleteFunctionEventInvokeConfig DELETE /2019-09-25/functions/{FunctionName}/event-invoke-config q:Qualifier
DeleteFunctionUrlConfig DELETE /2021-10-31/functions/{FunctionName}/url q:Qualifier
DeleteLayerVersion DELETE /2018-10-31/layers/{LayerName}/versions/{VersionNumber}
DeleteProvisionedConcurrencyConfig DELETE /2019-09-30/functions/{FunctionName}/provisioned-concurrency q!Qualifier
DeleteResourcePolicy DELETE /2026-07-09/resource-policy/{ResourceArn} q:RevisionId
GetAccountSettings GET /2016-08-19/account-settings
GetAlias GET /2015-03-31/functions/{FunctionName}/aliases/{Name}
GetCapacityProvider GET /2025-11-30/capacity-providers/{CapacityProviderName}
GetCodeSigningConfig GET /2020-04-22/code-signing-configs/{CodeSigningConfigArn}
GetDurableExecution GET /2025-12-01/durable-executions/{DurableExecutionArn} q:IncludeExecutionData
GetDurableExecutionHistory GET /2025-12-01/durable-executions/{DurableExecutionArn}/history q:IncludeExecutionData q:MaxItems q:Marker q:ReverseOrder
GetDurableExecutionState GET /2025-12-01/durable-executions/{DurableExecutionArn}/state q!CheckpointToken q:Marker q:MaxItems
GetEventSourceMapping GET /2015-03-31/event-source-mappings/{UUID}
GetFunction GET /2015-03-31/functions/{FunctionName} q:Qualifier
GetFunctionCodeSigningConfig GET /2020-06-30/functions/{FunctionName}/code-signing-config
GetFunctionConcurrency GET /2019-09-30/functions/{FunctionName}/concurrency
GetFunctionConfiguration GET /2015-03-31/functions/{FunctionName}/configuration q:Qualifier
GetFunctionEventInvokeConfig GET /2019-09-25/functions/{FunctionName}/event-invoke-config q:Qualifier
GetFunctionRecursionConfig GET /2024-08-31/functions/{FunctionName}/recursion-config
GetFunctionScalingConfig GET /2025-11-30/functions/{FunctionName}/function-scaling-config q!Qualifier
GetFunctionUrlConfig GET /2021-10-31/functions/{FunctionName}/url q:Qualifier
GetLayerVersion GET /2018-10-31/layers/{LayerName}/versions/{VersionNumber}
GetLayerVersionByArn GET /2018-10-31/layers?find=LayerVersion q!Arn
GetLayerVersionPolicy GET /2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy
GetPolicy GET /2015-03-31/functions/{FunctionName}/policy q:Qualifier
GetProvisionedConcurrencyConfig GET /2019-09-30/functions/{FunctionName}/provisioned-concurrency q!Qualifier
GetResourcePolicy GET /2026-07-09/resource-policy/{ResourceArn}
GetRuntimeManagementConfig GET /2021-07-20/functions/{FunctionName}/runtime-management-config q:Qualifier
Invoke POST /2015-03-31/functions/{FunctionName}/invocations h:X-Amz-Invocation-Type=InvocationType h:X-Amz-Log-Type=LogType h:X-Amz-Client-Context=ClientContext h:X-Amz-Durable-Execution-Name=DurableExecutionName q:Qualifier h:X-Amz-Tenant-Id=TenantId
InvokeAsync POST /2014-11-13/functions/{FunctionName}/invoke-async
InvokeWithResponseStream POST /2021-11-15/functions/{FunctionName}/response-streaming-invocations h:X-Amz-Log-Type=LogType h:X-Amz-Client-Context=ClientContext q:Qualifier h:X-Amz-Tenant-Id=TenantId h:X-Amz-Invocation-Type=InvocationType
ListAliases GET /2015-03-31/functions/{FunctionName}/aliases q:FunctionVersion q:Marker q:MaxItems
ListCapacityProviders GET /2025-11-30/capacity-providers q:State q:Marker q:MaxItems
ListCodeSigningConfigs GET /2020-04-22/code-signing-configs q:Marker q:MaxItems
ListDurableExecutionsByFunction GET /2025-12-01/functions/{FunctionName}/durable-executions q:Qualifier q:DurableExecutionName q:Statuses q:StartedAfter q:StartedBefore q:ReverseOrder q:Marker q:MaxItems
ListEventSourceMappings GET /2015-03-31/event-source-mappings q:EventSourceArn q:FunctionName q:Marker q:MaxItems
ListFunctionEventInvokeConfigs GET /2019-09-25/functions/{FunctionName}/event-invoke-config/list q:Marker q:MaxItems
ListFunctionUrlConfigs GET /2021-10-31/functions/{FunctionName}/urls q:Marker q:MaxItems
ListFunctionVersionsByCapacityProvider GET /2025-11-30/capacity-providers/{CapacityProviderName}/function-versions q:Marker q:MaxItems
ListFunctions GET /2015-03-31/functions q:MasterRegion q:FunctionVersion q:Marker q:MaxItems
ListFunctionsByCodeSigningConfig GET /2020-04-22/code-signing-configs/{CodeSigningConfigArn}/functions q:Marker q:MaxItems
ListLayerVersions GET /2018-10-31/layers/{LayerName}/versions q:CompatibleArchitecture q:CompatibleRuntime q:Marker q:MaxItems
ListLayers GET /2018-10-31/layers q:CompatibleArchitecture q:CompatibleRuntime q:Marker q:MaxItems
ListProvisionedConcurrencyConfigs GET /2019-09-30/functions/{FunctionName}/provisioned-concurrency?List=ALL q:Marker q:MaxItems
ListTags GET /2017-03-31/tags/{Resource}
ListVersionsByFunction GET /2015-03-31/functions/{FunctionName}/versions q:Marker q:MaxItems
PauseDurableExecution POST /2025-12-01/durable-executions/{DurableExecutionArn}/pause
PublishLayerVersion POST /2018-10-31/layers/{LayerName}/versions
PublishVersion POST /2015-03-31/functions/{FunctionName}/versions
PutFunctionCodeSigningConfig PUT /2020-06-30/functions/{FunctionName}/code-signing-config
PutFunctionConcurrency PUT /2017-10-31/functions/{FunctionName}/concurrency
PutFunctionEventInvokeConfig PUT /2019-09-25/functions/{FunctionName}/event-invoke-config q:Qualifier
PutFunctionRecursionConfig PUT /2024-08-31/functions/{FunctionName}/recursion-config
PutFunctionScalingConfig PUT /2025-11-30/functions/{FunctionName}/function-scaling-config q!Qualifier
PutProvisionedConcurrencyConfig PUT /2019-09-30/functions/{FunctionName}/provisioned-concurrency q!Qualifier
PutResourcePolicy PUT /2026-07-09/resource-policy/{ResourceArn}
PutRuntimeManagementConfig PUT /2021-07-20/functions/{FunctionName}/runtime-management-config q:Qualifier
RemoveLayerVersionPermission DELETE /2018-10-31/layers/{LayerName}/versions/{VersionNumber}/policy/{StatementId} q:RevisionId
RemovePermission DELETE /2015-03-31/functions/{FunctionName}/policy/{StatementId} q:Qualifier q:RevisionId
ResumeDurableExecution POST /2025-12-01/durable-executions/{DurableExecutionArn}/resume
SendDurableExecutionCallbackFailure POST /2025-12-01/durable-execution-callbacks/{CallbackId}/fail
SendDurableExecutionCallbackHeartbeat POST /2025-12-01/durable-execution-callbacks/{CallbackId}/heartbeat
SendDurableExecutionCallbackSuccess POST /2025-12-01/durable-execution-callbacks/{CallbackId}/succeed
StopDurableExecution POST /2025-12-01/durable-executions/{DurableExecutionArn}/stop
TagResource POST /2017-03-31/tags/{Resource}
UntagResource DELETE /2017-03-31/tags/{Resource} q!tagKeys=TagKeys
UpdateAlias PUT /2015-03-31/functions/{FunctionName}/aliases/{Name}
UpdateCapacityProvider PUT /2025-11-30/capacity-providers/{CapacityProviderName}
UpdateCodeSigningConfig PUT /2020-04-22/code-signing-configs/{CodeSigningConfigArn}
UpdateEventSourceMapping PUT /2015-03-31/event-source-mappings/{UUID}
UpdateFunctionCode PUT /2015-03-31/functions/{FunctionName}/code
UpdateFunctionConfiguration PUT /2015-03-31/functions/{FunctionName}/configuration
UpdateFunctionEventInvokeConfig POST /2019-09-25/functions/{FunctionName}/event-invoke-config q:Qualifier
UpdateFunctionUrlConfig PUT /2021-10-31/functions/{FunctionName}/url q:Qualifier
""",
    "mq": """\
CreateBroker POST /v1/brokers
CreateConfiguration POST /v1/configurations
CreateTags POST /v1/tags/{resource-arn} u:resource-arn=ResourceArn
CreateUser POST /v1/brokers/{broker-id}/users/{username} u:broker-id=BrokerId u:username=Username
DeleteBroker DELETE /v1/brokers/{broker-id} u:broker-id=BrokerId
DeleteConfiguration DELETE /v1/configurations/{configuration-id} u:configuration-id=ConfigurationId
DeleteTags DELETE /v1/tags/{resource-arn} u:resource-arn=ResourceArn q!tagKeys=TagKeys
DeleteUser DELETE /v1/brokers/{broker-id}/users/{username} u:broker-id=BrokerId u:username=Username
DescribeBroker GET /v1/brokers/{broker-id} u:broker-id=BrokerId
DescribeBrokerEngineTypes GET /v1/broker-engine-types q:engineType=EngineType q:maxResults=MaxResults q:nextToken=NextToken
DescribeBrokerInstanceOptions GET /v1/broker-instance-options q:engineType=EngineType q:hostInstanceType=HostInstanceType q:maxResults=MaxResults q:nextToken=NextToken q:storageType=StorageType
DescribeConfiguration GET /v1/configurations/{configuration-id} u:configuration-id=ConfigurationId
DescribeConfigurationRevision GET /v1/configurations/{configuration-id}/revisions/{configuration-revision} u:configuration-id=ConfigurationId u:configuration-revision=ConfigurationRevision
DescribeSharedResources GET /v1/brokers/{broker-id}/shared-resources u:broker-id=BrokerId q:maxResults=MaxResults q:nextToken=NextToken
DescribeUser GET /v1/brokers/{broker-id}/users/{username} u:broker-id=BrokerId u:username=Username
ListBrokers GET /v1/brokers q:maxResults=MaxResults q:nextToken=NextToken
ListConfigurationRevisions GET /v1/configurations/{configuration-id}/revisions u:configuration-id=ConfigurationId q:maxResults=MaxResults q:nextToken=NextToken
ListConfigurations GET /v1/configurations q:maxResults=MaxResults q:nextToken=NextToken
ListTags GET /v1/tags/{resource-arn} u:resource-arn=ResourceArn
ListUsers GET /v1/brokers/{broker-id}/users u:broker-id=BrokerId q:maxResults=MaxResults q:nextToken=NextToken
Promote POST /v1/brokers/{broker-id}/promote u:broker-id=BrokerId
RebootBroker POST /v1/brokers/{broker-id}/reboot u:broker-id=BrokerId
UpdateBroker PUT /v1/brokers/{broker-id} u:broker-id=BrokerId
UpdateConfiguration PUT /v1/configurations/{configuration-id} u:configuration-id=ConfigurationId
UpdateUser PUT /v1/brokers/{broker-id}/users/{username} u:broker-id=BrokerId u:username=Username
""",
    "oidc": """\
CreateToken POST /token
CreateTokenWithIAM POST /token?aws_iam=t
RegisterClient POST /client/register
StartDeviceAuthorization POST /device_authorization
""",
    "pipes": """\
CreatePipe POST /v1/pipes/{Name}
DeletePipe DELETE /v1/pipes/{Name}
DescribePipe GET /v1/pipes/{Name}
ListPipes GET /v1/pipes q:NamePrefix q:DesiredState q:CurrentState q:SourcePrefix q:TargetPrefix q:NextToken q:Limit
ListTagsForResource GET /tags/{resourceArn}
StartPipe POST /v1/pipes/{Name}/start
StopPipe POST /v1/pipes/{Name}/stop
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
UpdatePipe PUT /v1/pipes/{Name}
""",
    "polly": """\
CreateVoice POST /v1/voices
DeleteLexicon DELETE /v1/lexicons/{LexiconName} u:LexiconName=Name
DeleteVoice DELETE /v1/voices/{VoiceId}
DescribeVoices GET /v1/voices q:Engine q:LanguageCode q:IncludeAdditionalLanguageCodes q:NextToken
GetLexicon GET /v1/lexicons/{LexiconName} u:LexiconName=Name
GetSpeechSynthesisTask GET /v1/synthesisTasks/{TaskId}
GetVoice GET /v1/voices/{VoiceId}
ListLexicons GET /v1/lexicons q:NextToken
ListSpeechSynthesisTasks GET /v1/synthesisTasks q:MaxResults q:NextToken q:Status
ListTagsForResource GET /v1/listTagsForResource/ q!arn=ResourceArn
PutLexicon PUT /v1/lexicons/{LexiconName} u:LexiconName=Name
StartSpeechSynthesisStream POST /v1/synthesisStream h!x-amzn-Engine=Engine h:x-amzn-LanguageCode=LanguageCode h:x-amzn-LexiconNames=LexiconNames h!x-amzn-OutputFormat=OutputFormat h:x-amzn-SampleRate=SampleRate h!x-amzn-VoiceId=VoiceId
StartSpeechSynthesisTask POST /v1/synthesisTasks
SynthesizeSpeech POST /v1/speech
TagResource POST /v1/tagResource
UntagResource POST /v1/untagResource
""",
    "portal.sso": """\
GetRoleCredentials GET /federation/credentials q!role_name=roleName q!account_id=accountId h!x-amz-sso_bearer_token=accessToken
ListAccountRoles GET /assignment/roles q:next_token=nextToken q:max_result=maxResults h!x-amz-sso_bearer_token=accessToken q!account_id=accountId
ListAccounts GET /assignment/accounts q:next_token=nextToken q:max_result=maxResults h!x-amz-sso_bearer_token=accessToken
Logout POST /logout h!x-amz-sso_bearer_token=accessToken
""",
    "ram": """\
AcceptResourceShareInvitation POST /acceptresourceshareinvitation
AssociateResourceShare POST /associateresourceshare
AssociateResourceSharePermission POST /associateresourcesharepermission
CreatePermission POST /createpermission
CreatePermissionVersion POST /createpermissionversion
CreateResourceShare POST /createresourceshare
DeletePermission DELETE /deletepermission q!permissionArn q:clientToken
DeletePermissionVersion DELETE /deletepermissionversion q!permissionArn q!permissionVersion q:clientToken
DeleteResourceShare DELETE /deleteresourceshare q!resourceShareArn q:clientToken
DisassociateResourceShare POST /disassociateresourceshare
DisassociateResourceSharePermission POST /disassociateresourcesharepermission
EnableSharingWithAwsOrganization POST /enablesharingwithawsorganization
GetPermission POST /getpermission
GetResourcePolicies POST /getresourcepolicies
GetResourceShareAssociations POST /getresourceshareassociations
GetResourceShareInvitations POST /getresourceshareinvitations
GetResourceShares POST /getresourceshares
ListPendingInvitationResources POST /listpendinginvitationresources
ListPermissionAssociations POST /listpermissionassociations
ListPermissionVersions POST /listpermissionversions
ListPermissions POST /listpermissions
ListPrincipals POST /listprincipals
ListReplacePermissionAssociationsWork POST /listreplacepermissionassociationswork
ListResourceSharePermissions POST /listresourcesharepermissions
ListResourceTypes POST /listresourcetypes
ListResources POST /listresources
ListSourceAssociations POST /listsourceassociations
PromotePermissionCreatedFromPolicy POST /promotepermissioncreatedfrompolicy
PromoteResourceShareCreatedFromPolicy POST /promoteresourcesharecreatedfrompolicy q!resourceShareArn
RejectResourceShareInvitation POST /rejectresourceshareinvitation
ReplacePermissionAssociations POST /replacepermissionassociations
SetDefaultPermissionVersion POST /setdefaultpermissionversion
TagResource POST /tagresource
UntagResource POST /untagresource
UpdatePermission POST /updatepermission
UpdateResourceShare POST /updateresourceshare
""",
    "rds-data": """\
BatchExecuteStatement POST /BatchExecute
BeginTransaction POST /BeginTransaction
CommitTransaction POST /CommitTransaction
ExecuteSql POST /ExecuteSql
ExecuteStatement POST /Execute
RollbackTransaction POST /RollbackTransaction
""",
    "resource-groups": """\
CancelTagSyncTask POST /cancel-tag-sync-task
CreateGroup POST /groups
DeleteGroup POST /delete-group
GetAccountSettings POST /get-account-settings
GetGroup POST /get-group
GetGroupConfiguration POST /get-group-configuration
GetGroupQuery POST /get-group-query
GetTagSyncTask POST /get-tag-sync-task
GetTags GET /resources/{Arn}/tags
GroupResources POST /group-resources
ListGroupResources POST /list-group-resources
ListGroupingStatuses POST /list-grouping-statuses
ListGroups POST /groups-list q:maxResults=MaxResults q:nextToken=NextToken
ListTagSyncTasks POST /list-tag-sync-tasks
PutGroupConfiguration POST /put-group-configuration
SearchResources POST /resources/search
StartTagSyncTask POST /start-tag-sync-task
Tag PUT /resources/{Arn}/tags
UngroupResources POST /ungroup-resources
Untag PATCH /resources/{Arn}/tags
UpdateAccountSettings POST /update-account-settings
UpdateGroup POST /update-group
UpdateGroupQuery POST /update-group-query
""",
    "rolesanywhere": """\
CreateProfile POST /profiles
CreateTrustAnchor POST /trustanchors
DeleteAttributeMapping DELETE /profiles/{profileId}/mappings q!certificateField q:specifiers
DeleteCrl DELETE /crl/{crlId}
DeleteProfile DELETE /profile/{profileId}
DeleteTrustAnchor DELETE /trustanchor/{trustAnchorId}
DisableCrl POST /crl/{crlId}/disable
DisableProfile POST /profile/{profileId}/disable
DisableTrustAnchor POST /trustanchor/{trustAnchorId}/disable
EnableCrl POST /crl/{crlId}/enable
EnableProfile POST /profile/{profileId}/enable
EnableTrustAnchor POST /trustanchor/{trustAnchorId}/enable
GetCrl GET /crl/{crlId}
GetProfile GET /profile/{profileId}
GetSubject GET /subject/{subjectId}
GetTrustAnchor GET /trustanchor/{trustAnchorId}
ImportCrl POST /crls
ListCrls GET /crls q:nextToken q:pageSize
ListProfiles GET /profiles q:nextToken q:pageSize
ListSubjects GET /subjects q:nextToken q:pageSize
ListTagsForResource GET /ListTagsForResource q!resourceArn
ListTrustAnchors GET /trustanchors q:nextToken q:pageSize
PutAttributeMapping PUT /profiles/{profileId}/mappings
PutNotificationSettings PATCH /put-notifications-settings
ResetNotificationSettings PATCH /reset-notifications-settings
TagResource POST /TagResource
UntagResource POST /UntagResource
UpdateCrl PATCH /crl/{crlId}
UpdateProfile PATCH /profile/{profileId}
UpdateTrustAnchor PATCH /trustanchor/{trustAnchorId}
""",
    "route53": """\
ActivateKeySigningKey POST /2013-04-01/keysigningkey/{HostedZoneId}/{Name}/activate
AssociateVPCWithHostedZone POST /2013-04-01/hostedzone/{Id}/associatevpc u:Id=HostedZoneId
ChangeCidrCollection POST /2013-04-01/cidrcollection/{CidrCollectionId} u:CidrCollectionId=Id
ChangeResourceRecordSets POST /2013-04-01/hostedzone/{Id}/rrset/ u:Id=HostedZoneId
ChangeTagsForResource POST /2013-04-01/tags/{ResourceType}/{ResourceId}
CreateCidrCollection POST /2013-04-01/cidrcollection
CreateHealthCheck POST /2013-04-01/healthcheck
CreateHealthCheckSource POST /2013-04-01/healthchecksource
CreateHostedZone POST /2013-04-01/hostedzone
CreateKeySigningKey POST /2013-04-01/keysigningkey
CreateQueryLoggingConfig POST /2013-04-01/queryloggingconfig
CreateResourceRecordSetProtections POST /2013-04-01/hostedzone/{Id}/rrsetprotection u:Id=HostedZoneId
CreateReusableDelegationSet POST /2013-04-01/delegationset
CreateTrafficPolicy POST /2013-04-01/trafficpolicy
CreateTrafficPolicyInstance POST /2013-04-01/trafficpolicyinstance
CreateTrafficPolicyVersion POST /2013-04-01/trafficpolicy/{Id}
CreateVPCAssociationAuthorization POST /2013-04-01/hostedzone/{Id}/authorizevpcassociation u:Id=HostedZoneId
DeactivateKeySigningKey POST /2013-04-01/keysigningkey/{HostedZoneId}/{Name}/deactivate
DeleteCidrCollection DELETE /2013-04-01/cidrcollection/{CidrCollectionId} u:CidrCollectionId=Id
DeleteHealthCheck DELETE /2013-04-01/healthcheck/{HealthCheckId}
DeleteHealthCheckSource DELETE /2013-04-01/healthchecksource/{HealthCheckSourceId}
DeleteHostedZone DELETE /2013-04-01/hostedzone/{Id}
DeleteKeySigningKey DELETE /2013-04-01/keysigningkey/{HostedZoneId}/{Name}
DeleteQueryLoggingConfig DELETE /2013-04-01/queryloggingconfig/{Id}
DeleteResourceRecordSetProtections POST /2013-04-01/hostedzone/{Id}/rrsetprotection/delete u:Id=HostedZoneId
DeleteReusableDelegationSet DELETE /2013-04-01/delegationset/{Id}
DeleteTrafficPolicy DELETE /2013-04-01/trafficpolicy/{Id}/{Version}
DeleteTrafficPolicyInstance DELETE /2013-04-01/trafficpolicyinstance/{Id}
DeleteVPCAssociationAuthorization POST /2013-04-01/hostedzone/{Id}/deauthorizevpcassociation u:Id=HostedZoneId
DisableHostedZoneDNSSEC POST /2013-04-01/hostedzone/{Id}/disable-dnssec u:Id=HostedZoneId
DisassociateVPCFromHostedZone POST /2013-04-01/hostedzone/{Id}/disassociatevpc u:Id=HostedZoneId
EnableHostedZoneDNSSEC POST /2013-04-01/hostedzone/{Id}/enable-dnssec u:Id=HostedZoneId
GetAccountLimit GET /2013-04-01/accountlimit/{Type}
GetChange GET /2013-04-01/change/{Id}
GetCheckerIpRanges GET /2013-04-01/checkeripranges
GetDNSSEC GET /2013-04-01/hostedzone/{Id}/dnssec u:Id=HostedZoneId
GetGeoLocation GET /2013-04-01/geolocation q:continentcode=ContinentCode q:countrycode=CountryCode q:subdivisioncode=SubdivisionCode
GetHealthCheck GET /2013-04-01/healthcheck/{HealthCheckId}
GetHealthCheckCount GET /2013-04-01/healthcheckcount
GetHealthCheckLastFailureReason GET /2013-04-01/healthcheck/{HealthCheckId}/lastfailurereason
GetHealthCheckSource GET /2013-04-01/healthchecksource/{HealthCheckSourceId}
GetHealthCheckStatus GET /2013-04-01/healthcheck/{HealthCheckId}/status
GetHostedZone GET /2013-04-01/hostedzone/{Id}
GetHostedZoneChangeBatch GET /2013-04-01/hostedzone/{Id}/changebatches/{ChangeId} u:Id=HostedZoneId
GetHostedZoneCount GET /2013-04-01/hostedzonecount
GetHostedZoneLimit GET /2013-04-01/hostedzonelimit/{Id}/{Type} u:Id=HostedZoneId
GetQueryLoggingConfig GET /2013-04-01/queryloggingconfig/{Id}
GetReusableDelegationSet GET /2013-04-01/delegationset/{Id}
GetReusableDelegationSetLimit GET /2013-04-01/reusabledelegationsetlimit/{Id}/{Type} u:Id=DelegationSetId
GetTrafficPolicy GET /2013-04-01/trafficpolicy/{Id}/{Version}
GetTrafficPolicyInstance GET /2013-04-01/trafficpolicyinstance/{Id}
GetTrafficPolicyInstanceCount GET /2013-04-01/trafficpolicyinstancecount
ListCidrBlocks GET /2013-04-01/cidrcollection/{CidrCollectionId}/cidrblocks u:CidrCollectionId=CollectionId q:location=LocationName q:nexttoken=NextToken q:maxresults=MaxResults
ListCidrCollections GET /2013-04-01/cidrcollection q:nexttoken=NextToken q:maxresults=MaxResults
ListCidrLocations GET /2013-04-01/cidrcollection/{CidrCollectionId} u:CidrCollectionId=CollectionId q:nexttoken=NextToken q:maxresults=MaxResults
ListGeoLocations GET /2013-04-01/geolocations q:startcontinentcode=StartContinentCode q:startcountrycode=StartCountryCode q:startsubdivisioncode=StartSubdivisionCode q:maxitems=MaxItems
ListHealthCheckSources GET /2013-04-01/healthchecksource q:nexttoken=NextToken q:maxresults=MaxResults
ListHealthChecks GET /2013-04-01/healthcheck q:marker=Marker q:maxitems=MaxItems
ListHealthChecksBySource GET /2013-04-01/healthchecks/source/{HealthCheckSourceId} q:marker=Marker q:maxitems=MaxItems
ListHostedZoneChangeBatches GET /2013-04-01/hostedzone/{Id}/changebatches u:Id=HostedZoneId q:submittedafter=SubmittedAfter q:submittedbefore=SubmittedBefore q:startafterchangeid=StartAfterChangeId q:sortorder=SortOrder q:maxresults=MaxResults q:nexttoken=NextToken
ListHostedZones GET /2013-04-01/hostedzone q:marker=Marker q:maxitems=MaxItems q:delegationsetid=DelegationSetId q:hostedzonetype=HostedZoneType
ListHostedZonesByName GET /2013-04-01/hostedzonesbyname q:dnsname=DNSName q:hostedzoneid=HostedZoneId q:maxitems=MaxItems
ListHostedZonesByVPC GET /2013-04-01/hostedzonesbyvpc q!vpcid=VPCId q!vpcregion=VPCRegion q:maxitems=MaxItems q:nexttoken=NextToken
ListQueryLoggingConfigs GET /2013-04-01/queryloggingconfig q:hostedzoneid=HostedZoneId q:nexttoken=NextToken q:maxresults=MaxResults
ListResourceRecordSetChanges GET /2013-04-01/hostedzone/{Id}/rrsetchanges u:Id=HostedZoneId q:recordname=RecordName q:recordtype=RecordType q:submittedafter=SubmittedAfter q:submittedbefore=SubmittedBefore q:sortorder=SortOrder q:maxresults=MaxResults q:nexttoken=NextToken
ListResourceRecordSetProtections GET /2013-04-01/hostedzone/{Id}/rrsetprotection u:Id=HostedZoneId q:name=StartRecordName q:type=StartRecordType q:maxresults=MaxResults q:nexttoken=NextToken
ListResourceRecordSets GET /2013-04-01/hostedzone/{Id}/rrset u:Id=HostedZoneId q:name=StartRecordName q:type=StartRecordType q:identifier=StartRecordIdentifier q:maxitems=MaxItems
ListReusableDelegationSets GET /2013-04-01/delegationset q:marker=Marker q:maxitems=MaxItems
ListTagsForResource GET /2013-04-01/tags/{ResourceType}/{ResourceId}
ListTagsForResources POST /2013-04-01/tags/{ResourceType}
ListTrafficPolicies GET /2013-04-01/trafficpolicies q:trafficpolicyid=TrafficPolicyIdMarker q:maxitems=MaxItems
ListTrafficPolicyInstances GET /2013-04-01/trafficpolicyinstances q:hostedzoneid=HostedZoneIdMarker q:trafficpolicyinstancename=TrafficPolicyInstanceNameMarker q:trafficpolicyinstancetype=TrafficPolicyInstanceTypeMarker q:maxitems=MaxItems
ListTrafficPolicyInstancesByHostedZone GET /2013-04-01/trafficpolicyinstances/hostedzone q!id=HostedZoneId q:trafficpolicyinstancename=TrafficPolicyInstanceNameMarker q:trafficpolicyinstancetype=TrafficPolicyInstanceTypeMarker q:maxitems=MaxItems
ListTrafficPolicyInstancesByPolicy GET /2013-04-01/trafficpolicyinstances/trafficpolicy q!id=TrafficPolicyId q!version=TrafficPolicyVersion q:hostedzoneid=HostedZoneIdMarker q:trafficpolicyinstancename=TrafficPolicyInstanceNameMarker q:trafficpolicyinstancetype=TrafficPolicyInstanceTypeMarker q:maxitems=MaxItems
ListTrafficPolicyVersions GET /2013-04-01/trafficpolicies/{Id}/versions q:trafficpolicyversion=TrafficPolicyVersionMarker q:maxitems=MaxItems
ListVPCAssociationAuthorizations GET /2013-04-01/hostedzone/{Id}/authorizevpcassociation u:Id=HostedZoneId q:nexttoken=NextToken q:maxresults=MaxResults
TestDNSAnswer GET /2013-04-01/testdnsanswer q!hostedzoneid=HostedZoneId q!recordname=RecordName q!recordtype=RecordType q:resolverip=ResolverIP q:edns0clientsubnetip=EDNS0ClientSubnetIP q:edns0clientsubnetmask=EDNS0ClientSubnetMask
UpdateHealthCheck POST /2013-04-01/healthcheck/{HealthCheckId}
UpdateHostedZoneComment POST /2013-04-01/hostedzone/{Id}
UpdateHostedZoneFeatures POST /2013-04-01/hostedzone/{Id}/features u:Id=HostedZoneId
UpdateHostedZoneTier POST /2013-04-01/hostedzone/{Id}/tier u:Id=HostedZoneId
UpdateTrafficPolicyComment POST /2013-04-01/trafficpolicy/{Id}/{Version}
UpdateTrafficPolicyInstance POST /2013-04-01/trafficpolicyinstance/{Id}
""",
    "s3": """\
AbortMultipartUpload DELETE /{Bucket}/{Key+} q!uploadId=UploadId
CompleteMultipartUpload POST /{Bucket}/{Key+} q!uploadId=UploadId h:x-amz-mp-object-size=MpuObjectSize
CopyObject PUT /{Bucket}/{Key+} h:x-amz-acl=ACL h!x-amz-copy-source=CopySource h:x-amz-grant-full-control=GrantFullControl h:x-amz-grant-read=GrantRead h:x-amz-grant-read-acp=GrantReadACP h:x-amz-grant-write-acp=GrantWriteACP h:x-amz-metadata-directive=MetadataDirective h:x-amz-tagging-directive=TaggingDirective h:x-amz-object-annotation-directive=AnnotationDirective h:x-amz-storage-class=StorageClass h:x-amz-website-redirect-location=WebsiteRedirectLocation h:x-amz-tagging=Tagging h:x-amz-object-lock-mode=ObjectLockMode h:x-amz-object-lock-retain-until-date=ObjectLockRetainUntilDate h:x-amz-object-lock-legal-hold=ObjectLockLegalHoldStatus h:x-amz-object-lock-event-hold=ObjectLockEventHold h:x-amz-object-lock-event-hold-duration-days=ObjectLockEventHoldDurationDays h:x-amz-object-lock-event-hold-duration-years=ObjectLockEventHoldDurationYears
CreateBucket PUT /{Bucket} h:x-amz-acl=ACL h:x-amz-grant-full-control=GrantFullControl h:x-amz-grant-read=GrantRead h:x-amz-grant-read-acp=GrantReadACP h:x-amz-grant-write=GrantWrite h:x-amz-grant-write-acp=GrantWriteACP h:x-amz-bucket-object-lock-enabled=ObjectLockEnabledForBucket h:x-amz-object-ownership=ObjectOwnership h:x-amz-bucket-namespace=BucketNamespace
CreateBucketMetadataConfiguration POST /{Bucket}?metadataConfiguration
CreateBucketMetadataTableConfiguration POST /{Bucket}?metadataTable
CreateMultipartUpload POST /{Bucket}/{Key+}?uploads h:x-amz-acl=ACL h:x-amz-grant-full-control=GrantFullControl h:x-amz-grant-read=GrantRead h:x-amz-grant-read-acp=GrantReadACP h:x-amz-grant-write-acp=GrantWriteACP h:x-amz-storage-class=StorageClass h:x-amz-website-redirect-location=WebsiteRedirectLocation h:x-amz-tagging=Tagging h:x-amz-object-lock-mode=ObjectLockMode h:x-amz-object-lock-retain-until-date=ObjectLockRetainUntilDate h:x-amz-object-lock-legal-hold=ObjectLockLegalHoldStatus h:x-amz-object-lock-event-hold=ObjectLockEventHold h:x-amz-object-lock-event-hold-duration-days=ObjectLockEventHoldDurationDays h:x-amz-object-lock-event-hold-duration-years=ObjectLockEventHoldDurationYears
CreateSession GET /{Bucket}?session h:x-amz-create-session-mode=SessionMode
DeleteBucket DELETE /{Bucket}
DeleteBucketAnalyticsConfiguration DELETE /{Bucket}?analytics q!id=Id
DeleteBucketCors DELETE /{Bucket}?cors
DeleteBucketEncryption DELETE /{Bucket}?encryption
DeleteBucketIntelligentTieringConfiguration DELETE /{Bucket}?intelligent-tiering q!id=Id
DeleteBucketInventoryConfiguration DELETE /{Bucket}?inventory q!id=Id
DeleteBucketLifecycle DELETE /{Bucket}?lifecycle
DeleteBucketMetadataConfiguration DELETE /{Bucket}?metadataConfiguration
DeleteBucketMetadataTableConfiguration DELETE /{Bucket}?metadataTable
DeleteBucketMetricsConfiguration DELETE /{Bucket}?metrics q!id=Id
DeleteBucketOwnershipControls DELETE /{Bucket}?ownershipControls
DeleteBucketPolicy DELETE /{Bucket}?policy
DeleteBucketReplication DELETE /{Bucket}?replication
DeleteBucketTagging DELETE /{Bucket}?tagging
DeleteBucketWebsite DELETE /{Bucket}?website
DeleteObject DELETE /{Bucket}/{Key+} q:versionId=VersionId h:x-amz-bypass-governance-retention=BypassGovernanceRetention
DeleteObjectAnnotation DELETE /{Bucket}/{Key+}?annotation q!annotationName=AnnotationName q:versionId=VersionId h:x-amz-object-if-match=ObjectIfMatch
DeleteObjectTagging DELETE /{Bucket}/{Key+}?tagging q:versionId=VersionId
DeleteObjects POST /{Bucket}?delete h:x-amz-bypass-governance-retention=BypassGovernanceRetention
DeletePublicAccessBlock DELETE /{Bucket}?publicAccessBlock
GetBucketAbac GET /{Bucket}?abac
GetBucketAccelerateConfiguration GET /{Bucket}?accelerate
GetBucketAcl GET /{Bucket}?acl
GetBucketAnalyticsConfiguration GET /{Bucket}?analytics q!id=Id
GetBucketCors GET /{Bucket}?cors
GetBucketEncryption GET /{Bucket}?encryption
GetBucketIntelligentTieringConfiguration GET /{Bucket}?intelligent-tiering q!id=Id
GetBucketInventoryConfiguration GET /{Bucket}?inventory q!id=Id
GetBucketLifecycleConfiguration GET /{Bucket}?lifecycle
GetBucketLocation GET /{Bucket}?location
GetBucketLogging GET /{Bucket}?logging
GetBucketMetadataConfiguration GET /{Bucket}?metadataConfiguration
GetBucketMetadataTableConfiguration GET /{Bucket}?metadataTable
GetBucketMetricsConfiguration GET /{Bucket}?metrics q!id=Id
GetBucketNotificationConfiguration GET /{Bucket}?notification
GetBucketOwnershipControls GET /{Bucket}?ownershipControls
GetBucketPolicy GET /{Bucket}?policy
GetBucketPolicyStatus GET /{Bucket}?policyStatus
GetBucketReplication GET /{Bucket}?replication
GetBucketRequestPayment GET /{Bucket}?requestPayment
GetBucketTagging GET /{Bucket}?tagging
GetBucketVersioning GET /{Bucket}?versioning
GetBucketWebsite GET /{Bucket}?website
GetObject GET /{Bucket}/{Key+} h:Range q:response-cache-control=ResponseCacheControl q:response-content-disposition=ResponseContentDisposition q:response-content-encoding=ResponseContentEncoding q:response-content-language=ResponseContentLanguage q:response-content-type=ResponseContentType q:response-expires=ResponseExpires q:versionId=VersionId q:partNumber=PartNumber
GetObjectAcl GET /{Bucket}/{Key+}?acl q:versionId=VersionId
GetObjectAnnotation GET /{Bucket}/{Key+}?annotation q!annotationName=AnnotationName q:versionId=VersionId
GetObjectAttributes GET /{Bucket}/{Key+}?attributes q:versionId=VersionId h:x-amz-max-parts=MaxParts h:x-amz-part-number-marker=PartNumberMarker h!x-amz-object-attributes=ObjectAttributes
GetObjectLegalHold GET /{Bucket}/{Key+}?legal-hold q:versionId=VersionId
GetObjectLockConfiguration GET /{Bucket}?object-lock
GetObjectRetention GET /{Bucket}/{Key+}?retention q:versionId=VersionId
GetObjectTagging GET /{Bucket}/{Key+}?tagging q:versionId=VersionId
GetObjectTorrent GET /{Bucket}/{Key+}?torrent
GetPublicAccessBlock GET /{Bucket}?publicAccessBlock
HeadBucket HEAD /{Bucket}
HeadObject HEAD /{Bucket}/{Key+} h:Range q:response-cache-control=ResponseCacheControl q:response-content-disposition=ResponseContentDisposition q:response-content-encoding=ResponseContentEncoding q:response-content-language=ResponseContentLanguage q:response-content-type=ResponseContentType q:response-expires=ResponseExpires q:versionId=VersionId q:partNumber=PartNumber
ListBucketAnalyticsConfigurations GET /{Bucket}?analytics q:continuation-token=ContinuationToken
ListBucketIntelligentTieringConfigurations GET /{Bucket}?intelligent-tiering q:continuation-token=ContinuationToken
ListBucketInventoryConfigurations GET /{Bucket}?inventory q:continuation-token=ContinuationToken
ListBucketMetricsConfigurations GET /{Bucket}?metrics q:continuation-token=ContinuationToken
ListBuckets GET / q:max-buckets=MaxBuckets q:continuation-token=ContinuationToken q:prefix=Prefix q:bucket-region=BucketRegion
ListMultipartUploads GET /{Bucket}?uploads q:delimiter=Delimiter q:encoding-type=EncodingType q:key-marker=KeyMarker q:max-uploads=MaxUploads q:prefix=Prefix q:upload-id-marker=UploadIdMarker
ListObjectAnnotations GET /{Bucket}/{Key+}?annotation q:versionId=VersionId q:max-annotation-results=MaxAnnotationResults q:annotation-prefix=AnnotationPrefix q:continuation-token=ContinuationToken
ListObjectVersions GET /{Bucket}?versions q:delimiter=Delimiter q:encoding-type=EncodingType q:key-marker=KeyMarker q:max-keys=MaxKeys q:prefix=Prefix q:version-id-marker=VersionIdMarker h:x-amz-optional-object-attributes=OptionalObjectAttributes
ListObjects GET /{Bucket} q:delimiter=Delimiter q:encoding-type=EncodingType q:marker=Marker q:max-keys=MaxKeys q:prefix=Prefix h:x-amz-optional-object-attributes=OptionalObjectAttributes
ListObjectsV2 GET /{Bucket}?list-type=2 q:delimiter=Delimiter q:encoding-type=EncodingType q:max-keys=MaxKeys q:prefix=Prefix q:continuation-token=ContinuationToken q:fetch-owner=FetchOwner q:start-after=StartAfter h:x-amz-optional-object-attributes=OptionalObjectAttributes
ListParts GET /{Bucket}/{Key+} q:max-parts=MaxParts q:part-number-marker=PartNumberMarker q!uploadId=UploadId
PutBucketAbac PUT /{Bucket}?abac
PutBucketAccelerateConfiguration PUT /{Bucket}?accelerate
PutBucketAcl PUT /{Bucket}?acl h:x-amz-acl=ACL h:x-amz-grant-full-control=GrantFullControl h:x-amz-grant-read=GrantRead h:x-amz-grant-read-acp=GrantReadACP h:x-amz-grant-write=GrantWrite h:x-amz-grant-write-acp=GrantWriteACP
PutBucketAnalyticsConfiguration PUT /{Bucket}?analytics q!id=Id
PutBucketCors PUT /{Bucket}?cors
PutBucketEncryption PUT /{Bucket}?encryption
PutBucketIntelligentTieringConfiguration PUT /{Bucket}?intelligent-tiering q!id=Id
PutBucketInventoryConfiguration PUT /{Bucket}?inventory q!id=Id
PutBucketLifecycleConfiguration PUT /{Bucket}?lifecycle h:x-amz-transition-default-minimum-object-size=TransitionDefaultMinimumObjectSize
PutBucketLogging PUT /{Bucket}?logging
PutBucketMetricsConfiguration PUT /{Bucket}?metrics q!id=Id
PutBucketNotificationConfiguration PUT /{Bucket}?notification h:x-amz-skip-destination-validation=SkipDestinationValidation
PutBucketOwnershipControls PUT /{Bucket}?ownershipControls
PutBucketPolicy PUT /{Bucket}?policy h:x-amz-confirm-remove-self-bucket-access=ConfirmRemoveSelfBucketAccess
PutBucketReplication PUT /{Bucket}?replication h:x-amz-bucket-object-lock-token=Token
PutBucketRequestPayment PUT /{Bucket}?requestPayment
PutBucketTagging PUT /{Bucket}?tagging
PutBucketVersioning PUT /{Bucket}?versioning
PutBucketWebsite PUT /{Bucket}?website
PutObject PUT /{Bucket}/{Key+} h:x-amz-acl=ACL h:x-amz-grant-full-control=GrantFullControl h:x-amz-grant-read=GrantRead h:x-amz-grant-read-acp=GrantReadACP h:x-amz-grant-write-acp=GrantWriteACP h:x-amz-write-offset-bytes=WriteOffsetBytes h:x-amz-storage-class=StorageClass h:x-amz-website-redirect-location=WebsiteRedirectLocation h:x-amz-tagging=Tagging h:x-amz-object-lock-mode=ObjectLockMode h:x-amz-object-lock-retain-until-date=ObjectLockRetainUntilDate h:x-amz-object-lock-legal-hold=ObjectLockLegalHoldStatus h:x-amz-object-lock-event-hold=ObjectLockEventHold h:x-amz-object-lock-event-hold-duration-days=ObjectLockEventHoldDurationDays h:x-amz-object-lock-event-hold-duration-years=ObjectLockEventHoldDurationYears
PutObjectAcl PUT /{Bucket}/{Key+}?acl h:x-amz-acl=ACL h:x-amz-grant-full-control=GrantFullControl h:x-amz-grant-read=GrantRead h:x-amz-grant-read-acp=GrantReadACP h:x-amz-grant-write=GrantWrite h:x-amz-grant-write-acp=GrantWriteACP q:versionId=VersionId
PutObjectAnnotation PUT /{Bucket}/{Key+}?annotation q:versionId=VersionId q!annotationName=AnnotationName h:x-amz-object-if-match=ObjectIfMatch
PutObjectLegalHold PUT /{Bucket}/{Key+}?legal-hold q:versionId=VersionId
PutObjectLockConfiguration PUT /{Bucket}?object-lock h:x-amz-bucket-object-lock-token=Token
PutObjectRetention PUT /{Bucket}/{Key+}?retention q:versionId=VersionId h:x-amz-bypass-governance-retention=BypassGovernanceRetention
PutObjectTagging PUT /{Bucket}/{Key+}?tagging q:versionId=VersionId
PutPublicAccessBlock PUT /{Bucket}?publicAccessBlock
RenameObject PUT /{Bucket}/{Key+}?renameObject h!x-amz-rename-source=RenameSource h:If-Match=DestinationIfMatch h:If-None-Match=DestinationIfNoneMatch h:If-Modified-Since=DestinationIfModifiedSince h:If-Unmodified-Since=DestinationIfUnmodifiedSince h:x-amz-rename-source-if-match=SourceIfMatch h:x-amz-rename-source-if-none-match=SourceIfNoneMatch h:x-amz-rename-source-if-modified-since=SourceIfModifiedSince h:x-amz-rename-source-if-unmodified-since=SourceIfUnmodifiedSince h:x-amz-client-token=ClientToken
RestoreObject POST /{Bucket}/{Key+}?restore q:versionId=VersionId
SelectObjectContent POST /{Bucket}/{Key+}?select&select-type=2
UpdateBucketMetadataAnnotationTableConfiguration PUT /{Bucket}?metadataAnnotationTable
UpdateBucketMetadataInventoryTableConfiguration PUT /{Bucket}?metadataInventoryTable
UpdateBucketMetadataJournalTableConfiguration PUT /{Bucket}?metadataJournalTable
UpdateObjectEncryption PUT /{Bucket}/{Key+}?encryption q:versionId=VersionId
UploadPart PUT /{Bucket}/{Key+} q!partNumber=PartNumber q!uploadId=UploadId
UploadPartCopy PUT /{Bucket}/{Key+} h!x-amz-copy-source=CopySource h:x-amz-copy-source-range=CopySourceRange q!partNumber=PartNumber q!uploadId=UploadId
WriteGetObjectResponse POST /WriteGetObjectResponse h!x-amz-request-route=RequestRoute h!x-amz-request-token=RequestToken h:x-amz-fwd-status=StatusCode h:x-amz-fwd-error-code=ErrorCode h:x-amz-fwd-error-message=ErrorMessage h:x-amz-fwd-header-accept-ranges=AcceptRanges h:x-amz-fwd-header-x-amz-delete-marker=DeleteMarker h:x-amz-fwd-header-ETag=ETag h:x-amz-fwd-header-x-amz-expiration=Expiration h:x-amz-fwd-header-Last-Modified=LastModified h:x-amz-fwd-header-x-amz-missing-meta=MissingMeta h:x-amz-fwd-header-x-amz-object-lock-mode=ObjectLockMode h:x-amz-fwd-header-x-amz-object-lock-legal-hold=ObjectLockLegalHoldStatus h:x-amz-fwd-header-x-amz-object-lock-retain-until-date=ObjectLockRetainUntilDate h:x-amz-fwd-header-x-amz-mp-parts-count=PartsCount h:x-amz-fwd-header-x-amz-replication-status=ReplicationStatus h:x-amz-fwd-header-x-amz-request-charged=RequestCharged h:x-amz-fwd-header-x-amz-restore=Restore h:x-amz-fwd-header-x-amz-storage-class=StorageClass h:x-amz-fwd-header-x-amz-tagging-count=TagCount h:x-amz-fwd-header-x-amz-version-id=VersionId
""",
    "s3-control": """\
AssociateAccessGrantsIdentityCenter POST /v20180820/accessgrantsinstance/identitycenter h!x-amz-account-id=AccountId
CreateAccessGrant POST /v20180820/accessgrantsinstance/grant h!x-amz-account-id=AccountId
CreateAccessGrantsInstance POST /v20180820/accessgrantsinstance h!x-amz-account-id=AccountId
CreateAccessGrantsLocation POST /v20180820/accessgrantsinstance/location h!x-amz-account-id=AccountId
CreateAccessPoint PUT /v20180820/accesspoint/{name} h!x-amz-account-id=AccountId u:name=Name
CreateAccessPointForObjectLambda PUT /v20180820/accesspointforobjectlambda/{name} h!x-amz-account-id=AccountId u:name=Name
CreateBucket PUT /v20180820/bucket/{name} h:x-amz-acl=ACL u:name=Bucket h:x-amz-grant-full-control=GrantFullControl h:x-amz-grant-read=GrantRead h:x-amz-grant-read-acp=GrantReadACP h:x-amz-grant-write=GrantWrite h:x-amz-grant-write-acp=GrantWriteACP h:x-amz-bucket-object-lock-enabled=ObjectLockEnabledForBucket h:x-amz-outpost-id=OutpostId
CreateJob POST /v20180820/jobs h!x-amz-account-id=AccountId
CreateMultiRegionAccessPoint POST /v20180820/async-requests/mrap/create h!x-amz-account-id=AccountId
CreateStorageLensGroup POST /v20180820/storagelensgroup h!x-amz-account-id=AccountId
DeleteAccessGrant DELETE /v20180820/accessgrantsinstance/grant/{id} h!x-amz-account-id=AccountId u:id=AccessGrantId
DeleteAccessGrantsInstance DELETE /v20180820/accessgrantsinstance h!x-amz-account-id=AccountId
DeleteAccessGrantsInstanceResourcePolicy DELETE /v20180820/accessgrantsinstance/resourcepolicy h!x-amz-account-id=AccountId
DeleteAccessGrantsLocation DELETE /v20180820/accessgrantsinstance/location/{id} h!x-amz-account-id=AccountId u:id=AccessGrantsLocationId
DeleteAccessPoint DELETE /v20180820/accesspoint/{name} h!x-amz-account-id=AccountId u:name=Name
DeleteAccessPointForObjectLambda DELETE /v20180820/accesspointforobjectlambda/{name} h!x-amz-account-id=AccountId u:name=Name
DeleteAccessPointPolicy DELETE /v20180820/accesspoint/{name}/policy h!x-amz-account-id=AccountId u:name=Name
DeleteAccessPointPolicyForObjectLambda DELETE /v20180820/accesspointforobjectlambda/{name}/policy h!x-amz-account-id=AccountId u:name=Name
DeleteAccessPointScope DELETE /v20180820/accesspoint/{name}/scope h!x-amz-account-id=AccountId u:name=Name
DeleteBucket DELETE /v20180820/bucket/{name} h!x-amz-account-id=AccountId u:name=Bucket
DeleteBucketLifecycleConfiguration DELETE /v20180820/bucket/{name}/lifecycleconfiguration h!x-amz-account-id=AccountId u:name=Bucket
DeleteBucketPolicy DELETE /v20180820/bucket/{name}/policy h!x-amz-account-id=AccountId u:name=Bucket
DeleteBucketReplication DELETE /v20180820/bucket/{name}/replication h!x-amz-account-id=AccountId u:name=Bucket
DeleteBucketTagging DELETE /v20180820/bucket/{name}/tagging h!x-amz-account-id=AccountId u:name=Bucket
DeleteJobTagging DELETE /v20180820/jobs/{id}/tagging h!x-amz-account-id=AccountId u:id=JobId
DeleteMultiRegionAccessPoint POST /v20180820/async-requests/mrap/delete h!x-amz-account-id=AccountId
DeletePublicAccessBlock DELETE /v20180820/configuration/publicAccessBlock h!x-amz-account-id=AccountId
DeleteStorageLensConfiguration DELETE /v20180820/storagelens/{storagelensid} u:storagelensid=ConfigId h!x-amz-account-id=AccountId
DeleteStorageLensConfigurationTagging DELETE /v20180820/storagelens/{storagelensid}/tagging u:storagelensid=ConfigId h!x-amz-account-id=AccountId
DeleteStorageLensGroup DELETE /v20180820/storagelensgroup/{name} u:name=Name h!x-amz-account-id=AccountId
DescribeJob GET /v20180820/jobs/{id} h!x-amz-account-id=AccountId u:id=JobId
DescribeMultiRegionAccessPointOperation GET /v20180820/async-requests/mrap/{request_token+} h!x-amz-account-id=AccountId u:request_token=RequestTokenARN
DissociateAccessGrantsIdentityCenter DELETE /v20180820/accessgrantsinstance/identitycenter h!x-amz-account-id=AccountId
GetAccessGrant GET /v20180820/accessgrantsinstance/grant/{id} h!x-amz-account-id=AccountId u:id=AccessGrantId
GetAccessGrantsInstance GET /v20180820/accessgrantsinstance h!x-amz-account-id=AccountId
GetAccessGrantsInstanceForPrefix GET /v20180820/accessgrantsinstance/prefix h!x-amz-account-id=AccountId q!s3prefix=S3Prefix
GetAccessGrantsInstanceResourcePolicy GET /v20180820/accessgrantsinstance/resourcepolicy h!x-amz-account-id=AccountId
GetAccessGrantsLocation GET /v20180820/accessgrantsinstance/location/{id} h!x-amz-account-id=AccountId u:id=AccessGrantsLocationId
GetAccessPoint GET /v20180820/accesspoint/{name} h!x-amz-account-id=AccountId u:name=Name
GetAccessPointConfigurationForObjectLambda GET /v20180820/accesspointforobjectlambda/{name}/configuration h!x-amz-account-id=AccountId u:name=Name
GetAccessPointForObjectLambda GET /v20180820/accesspointforobjectlambda/{name} h!x-amz-account-id=AccountId u:name=Name
GetAccessPointPolicy GET /v20180820/accesspoint/{name}/policy h!x-amz-account-id=AccountId u:name=Name
GetAccessPointPolicyForObjectLambda GET /v20180820/accesspointforobjectlambda/{name}/policy h!x-amz-account-id=AccountId u:name=Name
GetAccessPointPolicyStatus GET /v20180820/accesspoint/{name}/policyStatus h!x-amz-account-id=AccountId u:name=Name
GetAccessPointPolicyStatusForObjectLambda GET /v20180820/accesspointforobjectlambda/{name}/policyStatus h!x-amz-account-id=AccountId u:name=Name
GetAccessPointScope GET /v20180820/accesspoint/{name}/scope h!x-amz-account-id=AccountId u:name=Name
GetBucket GET /v20180820/bucket/{name} h!x-amz-account-id=AccountId u:name=Bucket
GetBucketLifecycleConfiguration GET /v20180820/bucket/{name}/lifecycleconfiguration h!x-amz-account-id=AccountId u:name=Bucket
GetBucketPolicy GET /v20180820/bucket/{name}/policy h!x-amz-account-id=AccountId u:name=Bucket
GetBucketReplication GET /v20180820/bucket/{name}/replication h!x-amz-account-id=AccountId u:name=Bucket
GetBucketTagging GET /v20180820/bucket/{name}/tagging h!x-amz-account-id=AccountId u:name=Bucket
GetBucketVersioning GET /v20180820/bucket/{name}/versioning h!x-amz-account-id=AccountId u:name=Bucket
GetDataAccess GET /v20180820/accessgrantsinstance/dataaccess h!x-amz-account-id=AccountId q!target=Target q!permission=Permission q:durationSeconds=DurationSeconds q:privilege=Privilege q:targetType=TargetType q:auditContext=AuditContext q:instanceScope=InstanceScope
GetJobTagging GET /v20180820/jobs/{id}/tagging h!x-amz-account-id=AccountId u:id=JobId
GetMultiRegionAccessPoint GET /v20180820/mrap/instances/{name+} h!x-amz-account-id=AccountId u:name=Name
GetMultiRegionAccessPointPolicy GET /v20180820/mrap/instances/{name+}/policy h!x-amz-account-id=AccountId u:name=Name
GetMultiRegionAccessPointPolicyStatus GET /v20180820/mrap/instances/{name+}/policystatus h!x-amz-account-id=AccountId u:name=Name
GetMultiRegionAccessPointRoutes GET /v20180820/mrap/instances/{mrap+}/routes h!x-amz-account-id=AccountId u:mrap=Mrap
GetPublicAccessBlock GET /v20180820/configuration/publicAccessBlock h!x-amz-account-id=AccountId
GetStorageLensConfiguration GET /v20180820/storagelens/{storagelensid} u:storagelensid=ConfigId h!x-amz-account-id=AccountId
GetStorageLensConfigurationTagging GET /v20180820/storagelens/{storagelensid}/tagging u:storagelensid=ConfigId h!x-amz-account-id=AccountId
GetStorageLensGroup GET /v20180820/storagelensgroup/{name} u:name=Name h!x-amz-account-id=AccountId
ListAccessGrants GET /v20180820/accessgrantsinstance/grants h!x-amz-account-id=AccountId q:nextToken=NextToken q:maxResults=MaxResults q:granteetype=GranteeType q:granteeidentifier=GranteeIdentifier q:permission=Permission q:grantscope=GrantScope q:application_arn=ApplicationArn
ListAccessGrantsInstances GET /v20180820/accessgrantsinstances h!x-amz-account-id=AccountId q:nextToken=NextToken q:maxResults=MaxResults
ListAccessGrantsLocations GET /v20180820/accessgrantsinstance/locations h!x-amz-account-id=AccountId q:nextToken=NextToken q:maxResults=MaxResults q:locationscope=LocationScope
ListAccessPoints GET /v20180820/accesspoint h!x-amz-account-id=AccountId q:bucket=Bucket q:nextToken=NextToken q:maxResults=MaxResults q:dataSourceId=DataSourceId q:dataSourceType=DataSourceType
ListAccessPointsForDirectoryBuckets GET /v20180820/accesspointfordirectory h!x-amz-account-id=AccountId q:directoryBucket=DirectoryBucket q:nextToken=NextToken q:maxResults=MaxResults
ListAccessPointsForObjectLambda GET /v20180820/accesspointforobjectlambda h!x-amz-account-id=AccountId q:nextToken=NextToken q:maxResults=MaxResults
ListCallerAccessGrants GET /v20180820/accessgrantsinstance/caller/grants h!x-amz-account-id=AccountId q:grantscope=GrantScope q:nextToken=NextToken q:maxResults=MaxResults q:allowedByApplication=AllowedByApplication q:instanceScope=InstanceScope
ListJobs GET /v20180820/jobs h!x-amz-account-id=AccountId q:jobStatuses=JobStatuses q:nextToken=NextToken q:maxResults=MaxResults
ListMultiRegionAccessPoints GET /v20180820/mrap/instances h!x-amz-account-id=AccountId q:nextToken=NextToken q:maxResults=MaxResults
ListRegionalBuckets GET /v20180820/bucket h!x-amz-account-id=AccountId q:nextToken=NextToken q:maxResults=MaxResults h:x-amz-outpost-id=OutpostId
ListStorageLensConfigurations GET /v20180820/storagelens h!x-amz-account-id=AccountId q:nextToken=NextToken
ListStorageLensGroups GET /v20180820/storagelensgroup h!x-amz-account-id=AccountId q:nextToken=NextToken
ListTagsForResource GET /v20180820/tags/{resourceArn+} h!x-amz-account-id=AccountId u:resourceArn=ResourceArn
PutAccessGrantsInstanceResourcePolicy PUT /v20180820/accessgrantsinstance/resourcepolicy h!x-amz-account-id=AccountId
PutAccessPointConfigurationForObjectLambda PUT /v20180820/accesspointforobjectlambda/{name}/configuration h!x-amz-account-id=AccountId u:name=Name
PutAccessPointPolicy PUT /v20180820/accesspoint/{name}/policy h!x-amz-account-id=AccountId u:name=Name
PutAccessPointPolicyForObjectLambda PUT /v20180820/accesspointforobjectlambda/{name}/policy h!x-amz-account-id=AccountId u:name=Name
PutAccessPointScope PUT /v20180820/accesspoint/{name}/scope h!x-amz-account-id=AccountId u:name=Name
PutBucketLifecycleConfiguration PUT /v20180820/bucket/{name}/lifecycleconfiguration h!x-amz-account-id=AccountId u:name=Bucket
PutBucketPolicy PUT /v20180820/bucket/{name}/policy h!x-amz-account-id=AccountId u:name=Bucket h:x-amz-confirm-remove-self-bucket-access=ConfirmRemoveSelfBucketAccess
PutBucketReplication PUT /v20180820/bucket/{name}/replication h!x-amz-account-id=AccountId u:name=Bucket
PutBucketTagging PUT /v20180820/bucket/{name}/tagging h!x-amz-account-id=AccountId u:name=Bucket
PutBucketVersioning PUT /v20180820/bucket/{name}/versioning h!x-amz-account-id=AccountId u:name=Bucket
PutJobTagging PUT /v20180820/jobs/{id}/tagging h!x-amz-account-id=AccountId u:id=JobId
PutMultiRegionAccessPointPolicy POST /v20180820/async-requests/mrap/put-policy h!x-amz-account-id=AccountId
PutPublicAccessBlock PUT /v20180820/configuration/publicAccessBlock h!x-amz-account-id=AccountId
PutStorageLensConfiguration PUT /v20180820/storagelens/{storagelensid} u:storagelensid=ConfigId h!x-amz-account-id=AccountId
PutStorageLensConfigurationTagging PUT /v20180820/storagelens/{storagelensid}/tagging u:storagelensid=ConfigId h!x-amz-account-id=AccountId
SubmitMultiRegionAccessPointRoutes PATCH /v20180820/mrap/instances/{mrap+}/routes h!x-amz-account-id=AccountId u:mrap=Mrap
TagResource POST /v20180820/tags/{resourceArn+} h!x-amz-account-id=AccountId u:resourceArn=ResourceArn
UntagResource DELETE /v20180820/tags/{resourceArn+} h!x-amz-account-id=AccountId u:resourceArn=ResourceArn q!tagKeys=TagKeys
UpdateAccessGrantsLocation PUT /v20180820/accessgrantsinstance/location/{id} h!x-amz-account-id=AccountId u:id=AccessGrantsLocationId
UpdateJobPriority POST /v20180820/jobs/{id}/priority h!x-amz-account-id=AccountId u:id=JobId q!priority=Priority
UpdateJobStatus POST /v20180820/jobs/{id}/status h!x-amz-account-id=AccountId u:id=JobId q!requestedJobStatus=RequestedJobStatus q:statusUpdateReason=StatusUpdateReason
UpdateStorageLensGroup PUT /v20180820/storagelensgroup/{name} u:name=Name h!x-amz-account-id=AccountId
""",
    "s3tables": """\
CompleteTableMigration POST /complete-table-migration q!tableARN
CreateNamespace PUT /namespaces/{tableBucketARN}
CreateTable PUT /tables/{tableBucketARN}/{namespace}
CreateTableBucket PUT /buckets
DeleteNamespace DELETE /namespaces/{tableBucketARN}/{namespace}
DeleteTable DELETE /tables/{tableBucketARN}/{namespace}/{name} q:versionToken
DeleteTableBucket DELETE /buckets/{tableBucketARN}
DeleteTableBucketEncryption DELETE /buckets/{tableBucketARN}/encryption
DeleteTableBucketMetricsConfiguration DELETE /buckets/{tableBucketARN}/metrics
DeleteTableBucketPolicy DELETE /buckets/{tableBucketARN}/policy
DeleteTableBucketReplication DELETE /table-bucket-replication q!tableBucketARN q:versionToken
DeleteTablePolicy DELETE /tables/{tableBucketARN}/{namespace}/{name}/policy
DeleteTableReplication DELETE /table-replication q!tableArn q!versionToken
DisassociateTableReplication PUT /table-replication/disassociate q!tableArn
GetNamespace GET /namespaces/{tableBucketARN}/{namespace}
GetTable GET /get-table q:tableBucketARN q:namespace q:name q:tableArn
GetTableBucket GET /buckets/{tableBucketARN}
GetTableBucketEncryption GET /buckets/{tableBucketARN}/encryption
GetTableBucketLogging GET /buckets/{tableBucketARN}/logging
GetTableBucketMaintenanceConfiguration GET /buckets/{tableBucketARN}/maintenance
GetTableBucketMetricsConfiguration GET /buckets/{tableBucketARN}/metrics
GetTableBucketPolicy GET /buckets/{tableBucketARN}/policy
GetTableBucketReplication GET /table-bucket-replication q!tableBucketARN
GetTableBucketStorageClass GET /buckets/{tableBucketARN}/storage-class
GetTableEncryption GET /tables/{tableBucketARN}/{namespace}/{name}/encryption
GetTableMaintenanceConfiguration GET /tables/{tableBucketARN}/{namespace}/{name}/maintenance
GetTableMaintenanceJobStatus GET /tables/{tableBucketARN}/{namespace}/{name}/maintenance-job-status
GetTableMetadataLocation GET /tables/{tableBucketARN}/{namespace}/{name}/metadata-location
GetTableMigration GET /get-table-migration q:migrationId q:tableARN
GetTablePolicy GET /tables/{tableBucketARN}/{namespace}/{name}/policy
GetTableRecordExpirationConfiguration GET /table-record-expiration q!tableArn
GetTableRecordExpirationJobStatus GET /table-record-expiration-job-status q!tableArn
GetTableReplication GET /table-replication q!tableArn
GetTableReplicationStatus GET /replication-status q!tableArn
GetTableStorageClass GET /tables/{tableBucketARN}/{namespace}/{name}/storage-class
ListNamespaces GET /namespaces/{tableBucketARN} q:prefix q:continuationToken q:maxNamespaces
ListTableBuckets GET /buckets q:prefix q:continuationToken q:maxBuckets q:type
ListTableMigrations GET /list-table-migrations q:tableBucketARN q:namespace q:name q:tableARN q:state q:hasValidPlan q:maxResults q:nextToken
ListTables GET /tables/{tableBucketARN} q:namespace q:prefix q:continuationToken q:maxTables
ListTagsForResource GET /tag/{resourceArn}
PutTableBucketEncryption PUT /buckets/{tableBucketARN}/encryption
PutTableBucketLogging PUT /buckets/{tableBucketARN}/logging
PutTableBucketMaintenanceConfiguration PUT /buckets/{tableBucketARN}/maintenance/{type}
PutTableBucketMetricsConfiguration PUT /buckets/{tableBucketARN}/metrics
PutTableBucketPolicy PUT /buckets/{tableBucketARN}/policy
PutTableBucketReplication PUT /table-bucket-replication q!tableBucketARN q:versionToken
PutTableBucketStorageClass PUT /buckets/{tableBucketARN}/storage-class
PutTableMaintenanceConfiguration PUT /tables/{tableBucketARN}/{namespace}/{name}/maintenance/{type}
PutTablePolicy PUT /tables/{tableBucketARN}/{namespace}/{name}/policy
PutTableRecordExpirationConfiguration PUT /table-record-expiration q!tableArn
PutTableReplication PUT /table-replication q!tableArn q:versionToken
RenameTable PUT /tables/{tableBucketARN}/{namespace}/{name}/rename
StartTableMigration POST /start-table-migration
SyncTableMigration POST /sync-table-migration
TagResource POST /tag/{resourceArn}
UntagResource DELETE /tag/{resourceArn} q!tagKeys
UpdateTableMetadataLocation PUT /tables/{tableBucketARN}/{namespace}/{name}/metadata-location
UpdateTableMigration POST /update-table-migration q:tableARN q:migrationId
""",
    "scheduler": """\
CreateSchedule POST /schedules/{Name}
CreateScheduleGroup POST /schedule-groups/{Name}
DeleteSchedule DELETE /schedules/{Name} q:groupName=GroupName q:clientToken=ClientToken
DeleteScheduleGroup DELETE /schedule-groups/{Name} q:clientToken=ClientToken
GetSchedule GET /schedules/{Name} q:groupName=GroupName
GetScheduleGroup GET /schedule-groups/{Name}
ListScheduleGroups GET /schedule-groups q:NamePrefix q:NextToken q:MaxResults
ListSchedules GET /schedules q:ScheduleGroup=GroupName q:NamePrefix q:State q:NextToken q:MaxResults
ListTagsForResource GET /tags/{ResourceArn}
TagResource POST /tags/{ResourceArn}
UntagResource DELETE /tags/{ResourceArn} q!TagKeys
UpdateSchedule PUT /schedules/{Name}
""",
    "schemas": """\
CreateDiscoverer POST /v1/discoverers
CreateRegistry POST /v1/registries/name/{registryName} u:registryName=RegistryName
CreateSchema POST /v1/registries/name/{registryName}/schemas/name/{schemaName} u:registryName=RegistryName u:schemaName=SchemaName
DeleteDiscoverer DELETE /v1/discoverers/id/{discovererId} u:discovererId=DiscovererId
DeleteRegistry DELETE /v1/registries/name/{registryName} u:registryName=RegistryName
DeleteResourcePolicy DELETE /v1/policy q:registryName=RegistryName
DeleteSchema DELETE /v1/registries/name/{registryName}/schemas/name/{schemaName} u:registryName=RegistryName u:schemaName=SchemaName
DeleteSchemaVersion DELETE /v1/registries/name/{registryName}/schemas/name/{schemaName}/version/{schemaVersion} u:registryName=RegistryName u:schemaName=SchemaName u:schemaVersion=SchemaVersion
DescribeCodeBinding GET /v1/registries/name/{registryName}/schemas/name/{schemaName}/language/{language} u:language=Language u:registryName=RegistryName u:schemaName=SchemaName q:schemaVersion=SchemaVersion
DescribeDiscoverer GET /v1/discoverers/id/{discovererId} u:discovererId=DiscovererId
DescribeRegistry GET /v1/registries/name/{registryName} u:registryName=RegistryName
DescribeSchema GET /v1/registries/name/{registryName}/schemas/name/{schemaName} u:registryName=RegistryName u:schemaName=SchemaName q:schemaVersion=SchemaVersion
ExportSchema GET /v1/registries/name/{registryName}/schemas/name/{schemaName}/export u:registryName=RegistryName u:schemaName=SchemaName q:schemaVersion=SchemaVersion q!type=Type
GetCodeBindingSource GET /v1/registries/name/{registryName}/schemas/name/{schemaName}/language/{language}/source u:language=Language u:registryName=RegistryName u:schemaName=SchemaName q:schemaVersion=SchemaVersion
GetDiscoveredSchema POST /v1/discover
GetResourcePolicy GET /v1/policy q:registryName=RegistryName
ListDiscoverers GET /v1/discoverers q:discovererIdPrefix=DiscovererIdPrefix q:limit=Limit q:nextToken=NextToken q:sourceArnPrefix=SourceArnPrefix
ListRegistries GET /v1/registries q:limit=Limit q:nextToken=NextToken q:registryNamePrefix=RegistryNamePrefix q:scope=Scope
ListSchemaVersions GET /v1/registries/name/{registryName}/schemas/name/{schemaName}/versions q:limit=Limit q:nextToken=NextToken u:registryName=RegistryName u:schemaName=SchemaName
ListSchemas GET /v1/registries/name/{registryName}/schemas q:limit=Limit q:nextToken=NextToken u:registryName=RegistryName q:schemaNamePrefix=SchemaNamePrefix
ListTagsForResource GET /tags/{resource-arn} u:resource-arn=ResourceArn
PutCodeBinding POST /v1/registries/name/{registryName}/schemas/name/{schemaName}/language/{language} u:language=Language u:registryName=RegistryName u:schemaName=SchemaName q:schemaVersion=SchemaVersion
PutResourcePolicy PUT /v1/policy q:registryName=RegistryName
SearchSchemas GET /v1/registries/name/{registryName}/schemas/search q!keywords=Keywords q:limit=Limit q:nextToken=NextToken u:registryName=RegistryName
StartDiscoverer POST /v1/discoverers/id/{discovererId}/start u:discovererId=DiscovererId
StopDiscoverer POST /v1/discoverers/id/{discovererId}/stop u:discovererId=DiscovererId
TagResource POST /tags/{resource-arn} u:resource-arn=ResourceArn
UntagResource DELETE /tags/{resource-arn} u:resource-arn=ResourceArn q!tagKeys=TagKeys
UpdateDiscoverer PUT /v1/discoverers/id/{discovererId} u:discovererId=DiscovererId
UpdateRegistry PUT /v1/registries/name/{registryName} u:registryName=RegistryName
UpdateSchema PUT /v1/registries/name/{registryName}/schemas/name/{schemaName} u:registryName=RegistryName u:schemaName=SchemaName
""",
    "securityhub": """\
AcceptAdministratorInvitation POST /administrator
AcceptInvitation POST /master
BatchDeleteAutomationRules POST /automationrules/delete
BatchDisableStandards POST /standards/deregister
BatchEnableStandards POST /standards/register
BatchGetAutomationRules POST /automationrules/get
BatchGetConfigurationPolicyAssociations POST /configurationPolicyAssociation/batchget
BatchGetSecurityControls POST /securityControls/batchGet
BatchGetStandardsControlAssociations POST /associations/batchGet
BatchImportFindings POST /findings/import
BatchUpdateAutomationRules PATCH /automationrules/update
BatchUpdateFindings PATCH /findings/batchupdate
BatchUpdateFindingsV2 PATCH /findingsv2/batchupdatev2
BatchUpdateStandardsControlAssociations PATCH /associations
CancelExportJobV2 POST /exportjobsv2/{ExportJobId}/cancel
CreateActionTarget POST /actionTargets
CreateAggregatorV2 POST /aggregatorv2/create
CreateAutomationRule POST /automationrules/create
CreateAutomationRuleV2 POST /automationrulesv2/create
CreateConfigurationPolicy POST /configurationPolicy/create
CreateConnector POST /connectors
CreateConnectorV2 POST /connectorsv2
CreateFindingAggregator POST /findingAggregator/create
CreateInsight POST /insights
CreateMembers POST /members
CreateTicketV2 POST /ticketsv2
DeclineInvitations POST /invitations/decline
DeleteActionTarget DELETE /actionTargets/{ActionTargetArn+}
DeleteAggregatorV2 DELETE /aggregatorv2/delete/{AggregatorV2Arn+}
DeleteAutomationRuleV2 DELETE /automationrulesv2/{Identifier}
DeleteConfigurationPolicy DELETE /configurationPolicy/{Identifier}
DeleteConnector DELETE /connectors/{ConnectorId+}
DeleteConnectorV2 DELETE /connectorsv2/{ConnectorId+}
DeleteFindingAggregator DELETE /findingAggregator/delete/{FindingAggregatorArn+}
DeleteInsight DELETE /insights/{InsightArn+}
DeleteInvitations POST /invitations/delete
DeleteMembers POST /members/delete
DescribeActionTargets POST /actionTargets/get
DescribeHub GET /accounts q:HubArn
DescribeOrganizationConfiguration GET /organization/configuration
DescribeProducts GET /products q:NextToken q:MaxResults q:ProductArn
DescribeProductsV2 GET /productsV2 q:NextToken q:MaxResults
DescribeSecurityHubV2 GET /hubv2
DescribeStandards GET /standards q:NextToken q:MaxResults q:Providers
DescribeStandardsControls GET /standards/controls/{StandardsSubscriptionArn+} q:NextToken q:MaxResults
DisableImportFindingsForProduct DELETE /productSubscriptions/{ProductSubscriptionArn+}
DisableOrganizationAdminAccount POST /organization/admin/disable
DisableSecurityHub DELETE /accounts
DisableSecurityHubFeatureV2 DELETE /hubv2/feature/{FeatureName}
DisableSecurityHubV2 DELETE /hubv2
DisassociateFromAdministratorAccount POST /administrator/disassociate
DisassociateFromMasterAccount POST /master/disassociate
DisassociateMembers POST /members/disassociate
EnableImportFindingsForProduct POST /productSubscriptions
EnableOrganizationAdminAccount POST /organization/admin/enable
EnableSecurityHub POST /accounts
EnableSecurityHubFeatureV2 POST /hubv2/feature/{FeatureName}
EnableSecurityHubV2 POST /hubv2
GenerateRecommendedPolicyV2 POST /recommendedPolicyV2/{MetadataUid}
GetAdministratorAccount GET /administrator
GetAggregatorV2 GET /aggregatorv2/get/{AggregatorV2Arn+}
GetAutomationRuleV2 GET /automationrulesv2/{Identifier}
GetConfigurationPolicy GET /configurationPolicy/get/{Identifier}
GetConfigurationPolicyAssociation POST /configurationPolicyAssociation/get
GetConnector GET /connectors/{ConnectorId+}
GetConnectorV2 GET /connectorsv2/{ConnectorId+}
GetEnabledStandards POST /standards/get
GetExportJobV2 GET /exportjobsv2/{ExportJobId}
GetFindingAggregator GET /findingAggregator/get/{FindingAggregatorArn+}
GetFindingHistory POST /findingHistory/get
GetFindingStatisticsV2 POST /findingsv2/statistics
GetFindings POST /findings
GetFindingsTrendsV2 POST /findingsTrendsv2
GetFindingsV2 POST /findingsv2
GetInsightResults GET /insights/results/{InsightArn+}
GetInsights POST /insights/get
GetInvitationsCount GET /invitations/count
GetMasterAccount GET /master
GetMembers POST /members/get
GetRecommendedPolicyV2 GET /recommendedPolicyV2/{MetadataUid} q:NextToken q:MaxResults
GetRemediationsV2 POST /GetRemediationsV2
GetResourcesStatisticsV2 POST /resourcesv2/statistics
GetResourcesTrendsV2 POST /resourcesTrendsv2
GetResourcesV2 POST /resourcesv2
GetSecurityControlDefinition GET /securityControl/definition q!SecurityControlId
GetSoftwareResourcesV2 POST /softwarev2/resources
GetSoftwareStatisticsV2 POST /softwarev2/statistics
GetSoftwareV2 POST /softwarev2
InviteMembers POST /members/invite
ListAggregatorsV2 GET /aggregatorv2/list q:NextToken q:MaxResults
ListAutomationRules GET /automationrules/list q:NextToken q:MaxResults
ListAutomationRulesV2 GET /automationrulesv2/list q:NextToken q:MaxResults
ListConfigurationPolicies GET /configurationPolicy/list q:NextToken q:MaxResults
ListConfigurationPolicyAssociations POST /configurationPolicyAssociation/list
ListConnectors GET /connectors q:NextToken q:MaxResults q:ProviderName q:ConnectorStatus q:EnablementStatus
ListConnectorsV2 GET /connectorsv2 q:NextToken q:MaxResults q:ProviderName q:ConnectorStatus q:EnablementStatus
ListEnabledProductsForImport GET /productSubscriptions q:NextToken q:MaxResults
ListExportJobsV2 GET /exportjobsv2 q:Status q:DataType q:MaxResults q:NextToken
ListExposuresByRemediationV2 POST /ListExposuresByRemediationV2
ListFindingAggregators GET /findingAggregator/list q:NextToken q:MaxResults
ListFreeTrialStatusesV2 POST /freetrial/statusv2/list
ListInvitations GET /invitations q:MaxResults q:NextToken
ListMembers GET /members q:OnlyAssociated q:MaxResults q:NextToken
ListOrganizationAdminAccounts GET /organization/admin q:MaxResults q:NextToken q:Feature
ListSecurityControlDefinitions GET /securityControls/definitions q:StandardsArn q:NextToken q:MaxResults q:Providers
ListStandardsControlAssociations GET /associations q!SecurityControlId q:NextToken q:MaxResults
ListTagsForResource GET /tags/{ResourceArn}
RegisterConnectorV2 POST /connectorsv2/register
StartConfigurationPolicyAssociation POST /configurationPolicyAssociation/associate
StartConfigurationPolicyDisassociation POST /configurationPolicyAssociation/disassociate
StartExportJobV2 POST /exportjobsv2
TagResource POST /tags/{ResourceArn}
UntagResource DELETE /tags/{ResourceArn} q!tagKeys=TagKeys
UpdateActionTarget PATCH /actionTargets/{ActionTargetArn+}
UpdateAggregatorV2 PATCH /aggregatorv2/update/{AggregatorV2Arn+}
UpdateAutomationRuleV2 PATCH /automationrulesv2/{Identifier}
UpdateConfigurationPolicy PATCH /configurationPolicy/{Identifier}
UpdateConnector PATCH /connectors/{ConnectorId+}
UpdateConnectorV2 PATCH /connectorsv2/{ConnectorId+}
UpdateFindingAggregator PATCH /findingAggregator/update
UpdateFindings PATCH /findings
UpdateInsight PATCH /insights/{InsightArn+}
UpdateOrganizationConfiguration POST /organization/configuration
UpdateSecurityControl PATCH /securityControl/update
UpdateSecurityHubConfiguration PATCH /accounts
UpdateStandardsControl PATCH /standards/control/{StandardsControlArn+}
""",
    "serverlessrepo": """\
CreateApplication POST /applications
CreateApplicationVersion PUT /applications/{applicationId}/versions/{semanticVersion} u:applicationId=ApplicationId u:semanticVersion=SemanticVersion
CreateCloudFormationChangeSet POST /applications/{applicationId}/changesets u:applicationId=ApplicationId
CreateCloudFormationTemplate POST /applications/{applicationId}/templates u:applicationId=ApplicationId
DeleteApplication DELETE /applications/{applicationId} u:applicationId=ApplicationId
GetApplication GET /applications/{applicationId} u:applicationId=ApplicationId q:semanticVersion=SemanticVersion
GetApplicationPolicy GET /applications/{applicationId}/policy u:applicationId=ApplicationId
GetCloudFormationTemplate GET /applications/{applicationId}/templates/{templateId} u:applicationId=ApplicationId u:templateId=TemplateId
ListApplicationDependencies GET /applications/{applicationId}/dependencies u:applicationId=ApplicationId q:maxItems=MaxItems q:nextToken=NextToken q:semanticVersion=SemanticVersion
ListApplicationVersions GET /applications/{applicationId}/versions u:applicationId=ApplicationId q:maxItems=MaxItems q:nextToken=NextToken
ListApplications GET /applications q:maxItems=MaxItems q:nextToken=NextToken
PutApplicationPolicy PUT /applications/{applicationId}/policy u:applicationId=ApplicationId
UnshareApplication POST /applications/{applicationId}/unshare u:applicationId=ApplicationId
UpdateApplication PATCH /applications/{applicationId} u:applicationId=ApplicationId
""",
    "signer": """\
AddProfilePermission POST /signing-profiles/{profileName}/permissions
CancelSigningProfile DELETE /signing-profiles/{profileName}
DescribeSigningJob GET /signing-jobs/{jobId}
GetRevocationStatus GET /revocations q!signatureTimestamp q!platformId q!profileVersionArn q!jobArn q!certificateHashes
GetSigningPlatform GET /signing-platforms/{platformId}
GetSigningProfile GET /signing-profiles/{profileName} q:profileOwner
ListProfilePermissions GET /signing-profiles/{profileName}/permissions q:nextToken
ListSigningJobs GET /signing-jobs q:status q:platformId q:requestedBy q:maxResults q:nextToken q:isRevoked q:signatureExpiresBefore q:signatureExpiresAfter q:jobInvoker
ListSigningPlatforms GET /signing-platforms q:category q:partner q:target q:maxResults q:nextToken
ListSigningProfiles GET /signing-profiles q:includeCanceled q:maxResults q:nextToken q:platformId q:statuses
ListTagsForResource GET /tags/{resourceArn}
PutSigningProfile PUT /signing-profiles/{profileName}
RemoveProfilePermission DELETE /signing-profiles/{profileName}/permissions/{statementId} q!revisionId
RevokeSignature PUT /signing-jobs/{jobId}/revoke
RevokeSigningProfile PUT /signing-profiles/{profileName}/revoke
SignPayload POST /signing-jobs/with-payload
StartSigningJob POST /signing-jobs
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
""",
    "ssm-incidents": """\
BatchGetIncidentFindings POST /batchGetIncidentFindings
CreateReplicationSet POST /createReplicationSet
CreateResponsePlan POST /createResponsePlan
CreateTimelineEvent POST /createTimelineEvent
DeleteIncidentRecord POST /deleteIncidentRecord
DeleteReplicationSet POST /deleteReplicationSet q!arn
DeleteResourcePolicy POST /deleteResourcePolicy
DeleteResponsePlan POST /deleteResponsePlan
DeleteTimelineEvent POST /deleteTimelineEvent
GetIncidentRecord GET /getIncidentRecord q!arn
GetReplicationSet GET /getReplicationSet q!arn
GetResourcePolicies POST /getResourcePolicies q!resourceArn
GetResponsePlan GET /getResponsePlan q!arn
GetTimelineEvent GET /getTimelineEvent q!eventId q!incidentRecordArn
ListIncidentFindings POST /listIncidentFindings
ListIncidentRecords POST /listIncidentRecords
ListRelatedItems POST /listRelatedItems
ListReplicationSets POST /listReplicationSets
ListResponsePlans POST /listResponsePlans
ListTagsForResource GET /tags/{resourceArn}
ListTimelineEvents POST /listTimelineEvents
PutResourcePolicy POST /putResourcePolicy
StartIncident POST /startIncident
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
UpdateDeletionProtection POST /updateDeletionProtection
UpdateIncidentRecord POST /updateIncidentRecord
UpdateRelatedItems POST /updateRelatedItems
UpdateReplicationSet POST /updateReplicationSet
UpdateResponsePlan POST /updateResponsePlan
UpdateTimelineEvent POST /updateTimelineEvent
""",
    "synthetics": """\
AssociateResource PATCH /group/{groupIdentifier}/associate u:groupIdentifier=GroupIdentifier
CreateCanary POST /canary
CreateGroup POST /group
DeleteCanary DELETE /canary/{name} u:name=Name q:deleteLambda=DeleteLambda
DeleteGroup DELETE /group/{groupIdentifier} u:groupIdentifier=GroupIdentifier
DescribeCanaries POST /canaries
DescribeCanariesLastRun POST /canaries/last-run
DescribeRuntimeVersions POST /runtime-versions
DisassociateResource PATCH /group/{groupIdentifier}/disassociate u:groupIdentifier=GroupIdentifier
GetCanary GET /canary/{name} u:name=Name q:dryRunId=DryRunId
GetCanaryRuns POST /canary/{name}/runs u:name=Name
GetGroup GET /group/{groupIdentifier} u:groupIdentifier=GroupIdentifier
ListAssociatedGroups POST /resource/{resourceArn}/groups u:resourceArn=ResourceArn
ListGroupResources POST /group/{groupIdentifier}/resources u:groupIdentifier=GroupIdentifier
ListGroups POST /groups
ListTagsForResource GET /tags/{resourceArn} u:resourceArn=ResourceArn
StartCanary POST /canary/{name}/start u:name=Name
StartCanaryDryRun POST /canary/{name}/dry-run/start u:name=Name
StopCanary POST /canary/{name}/stop u:name=Name
TagResource POST /tags/{resourceArn} u:resourceArn=ResourceArn
UntagResource DELETE /tags/{resourceArn} u:resourceArn=ResourceArn q!tagKeys=TagKeys
UpdateCanary PATCH /canary/{name} u:name=Name
""",
    "vpc-lattice": """\
BatchUpdateRule PATCH /services/{serviceIdentifier}/listeners/{listenerIdentifier}/rules
CreateAccessLogSubscription POST /accesslogsubscriptions
CreateListener POST /services/{serviceIdentifier}/listeners
CreateResourceConfiguration POST /resourceconfigurations
CreateResourceGateway POST /resourcegateways
CreateRule POST /services/{serviceIdentifier}/listeners/{listenerIdentifier}/rules
CreateService POST /services
CreateServiceNetwork POST /servicenetworks
CreateServiceNetworkResourceAssociation POST /servicenetworkresourceassociations
CreateServiceNetworkServiceAssociation POST /servicenetworkserviceassociations
CreateServiceNetworkVpcAssociation POST /servicenetworkvpcassociations
CreateTargetGroup POST /targetgroups
DeleteAccessLogSubscription DELETE /accesslogsubscriptions/{accessLogSubscriptionIdentifier}
DeleteAuthPolicy DELETE /authpolicy/{resourceIdentifier}
DeleteDomainVerification DELETE /domainverifications/{domainVerificationIdentifier}
DeleteListener DELETE /services/{serviceIdentifier}/listeners/{listenerIdentifier}
DeleteResourceConfiguration DELETE /resourceconfigurations/{resourceConfigurationIdentifier}
DeleteResourceEndpointAssociation DELETE /resourceendpointassociations/{resourceEndpointAssociationIdentifier}
DeleteResourceGateway DELETE /resourcegateways/{resourceGatewayIdentifier}
DeleteResourcePolicy DELETE /resourcepolicy/{resourceArn}
DeleteRule DELETE /services/{serviceIdentifier}/listeners/{listenerIdentifier}/rules/{ruleIdentifier}
DeleteService DELETE /services/{serviceIdentifier}
DeleteServiceNetwork DELETE /servicenetworks/{serviceNetworkIdentifier}
DeleteServiceNetworkResourceAssociation DELETE /servicenetworkresourceassociations/{serviceNetworkResourceAssociationIdentifier}
DeleteServiceNetworkServiceAssociation DELETE /servicenetworkserviceassociations/{serviceNetworkServiceAssociationIdentifier}
DeleteServiceNetworkVpcAssociation DELETE /servicenetworkvpcassociations/{serviceNetworkVpcAssociationIdentifier}
DeleteTargetGroup DELETE /targetgroups/{targetGroupIdentifier}
DeregisterTargets POST /targetgroups/{targetGroupIdentifier}/deregistertargets
GetAccessLogSubscription GET /accesslogsubscriptions/{accessLogSubscriptionIdentifier}
GetAuthPolicy GET /authpolicy/{resourceIdentifier}
GetDomainVerification GET /domainverifications/{domainVerificationIdentifier}
GetListener GET /services/{serviceIdentifier}/listeners/{listenerIdentifier}
GetResourceConfiguration GET /resourceconfigurations/{resourceConfigurationIdentifier}
GetResourceGateway GET /resourcegateways/{resourceGatewayIdentifier}
GetResourcePolicy GET /resourcepolicy/{resourceArn}
GetRule GET /services/{serviceIdentifier}/listeners/{listenerIdentifier}/rules/{ruleIdentifier}
GetService GET /services/{serviceIdentifier}
GetServiceNetwork GET /servicenetworks/{serviceNetworkIdentifier}
GetServiceNetworkResourceAssociation GET /servicenetworkresourceassociations/{serviceNetworkResourceAssociationIdentifier}
GetServiceNetworkServiceAssociation GET /servicenetworkserviceassociations/{serviceNetworkServiceAssociationIdentifier}
GetServiceNetworkVpcAssociation GET /servicenetworkvpcassociations/{serviceNetworkVpcAssociationIdentifier}
GetTargetGroup GET /targetgroups/{targetGroupIdentifier}
ListAccessLogSubscriptions GET /accesslogsubscriptions q!resourceIdentifier q:maxResults q:nextToken
ListDomainVerifications GET /domainverifications q:maxResults q:nextToken
ListListeners GET /services/{serviceIdentifier}/listeners q:maxResults q:nextToken
ListResourceConfigurations GET /resourceconfigurations q:resourceGatewayIdentifier q:resourceConfigurationGroupIdentifier q:domainVerificationIdentifier q:maxResults q:nextToken
ListResourceEndpointAssociations GET /resourceendpointassociations q!resourceConfigurationIdentifier q:resourceEndpointAssociationIdentifier q:vpcEndpointId q:vpcEndpointOwner q:maxResults q:nextToken
ListResourceGateways GET /resourcegateways q:maxResults q:nextToken
ListRules GET /services/{serviceIdentifier}/listeners/{listenerIdentifier}/rules q:maxResults q:nextToken
ListServiceNetworkResourceAssociations GET /servicenetworkresourceassociations q:serviceNetworkIdentifier q:resourceConfigurationIdentifier q:maxResults q:nextToken q:includeChildren
ListServiceNetworkServiceAssociations GET /servicenetworkserviceassociations q:serviceNetworkIdentifier q:serviceIdentifier q:maxResults q:nextToken
ListServiceNetworkVpcAssociations GET /servicenetworkvpcassociations q:serviceNetworkIdentifier q:vpcIdentifier q:maxResults q:nextToken
ListServiceNetworkVpcEndpointAssociations GET /servicenetworkvpcendpointassociations q!serviceNetworkIdentifier q:maxResults q:nextToken
ListServiceNetworks GET /servicenetworks q:maxResults q:nextToken
ListServices GET /services q:maxResults q:nextToken
ListTagsForResource GET /tags/{resourceArn}
ListTargetGroups GET /targetgroups q:maxResults q:nextToken q:vpcIdentifier q:targetGroupType
ListTargets POST /targetgroups/{targetGroupIdentifier}/listtargets q:maxResults q:nextToken
PutAuthPolicy PUT /authpolicy/{resourceIdentifier}
PutResourcePolicy PUT /resourcepolicy/{resourceArn}
RegisterTargets POST /targetgroups/{targetGroupIdentifier}/registertargets
StartDomainVerification POST /domainverifications
TagResource POST /tags/{resourceArn}
UntagResource DELETE /tags/{resourceArn} q!tagKeys
UpdateAccessLogSubscription PATCH /accesslogsubscriptions/{accessLogSubscriptionIdentifier}
UpdateListener PATCH /services/{serviceIdentifier}/listeners/{listenerIdentifier}
UpdateResourceConfiguration PATCH /resourceconfigurations/{resourceConfigurationIdentifier}
UpdateResourceGateway PATCH /resourcegateways/{resourceGatewayIdentifier}
UpdateRule PATCH /services/{serviceIdentifier}/listeners/{listenerIdentifier}/rules/{ruleIdentifier}
UpdateService PATCH /services/{serviceIdentifier}
UpdateServiceNetwork PATCH /servicenetworks/{serviceNetworkIdentifier}
UpdateServiceNetworkVpcAssociation PATCH /servicenetworkvpcassociations/{serviceNetworkVpcAssociationIdentifier}
UpdateTargetGroup PATCH /targetgroups/{targetGroupIdentifier}
""",
    "xray": """\
BatchGetTraces POST /Traces
CancelTraceRetrieval POST /CancelTraceRetrieval
CreateGroup POST /CreateGroup
CreateSamplingRule POST /CreateSamplingRule
DeleteGroup POST /DeleteGroup
DeleteResourcePolicy POST /DeleteResourcePolicy
DeleteSamplingRule POST /DeleteSamplingRule
GetEncryptionConfig POST /EncryptionConfig
GetGroup POST /GetGroup
GetGroups POST /Groups
GetIndexingRules POST /GetIndexingRules
GetInsight POST /Insight
GetInsightEvents POST /InsightEvents
GetInsightImpactGraph POST /InsightImpactGraph
GetInsightSummaries POST /InsightSummaries
GetRetrievedTracesGraph POST /GetRetrievedTracesGraph
GetSamplingRules POST /GetSamplingRules
GetSamplingStatisticSummaries POST /SamplingStatisticSummaries
GetSamplingTargets POST /SamplingTargets
GetServiceGraph POST /ServiceGraph
GetTimeSeriesServiceStatistics POST /TimeSeriesServiceStatistics
GetTraceGraph POST /TraceGraph
GetTraceSegmentDestination POST /GetTraceSegmentDestination
GetTraceSummaries POST /TraceSummaries
ListResourcePolicies POST /ListResourcePolicies
ListRetrievedTraces POST /ListRetrievedTraces
ListTagsForResource POST /ListTagsForResource
PutEncryptionConfig POST /PutEncryptionConfig
PutResourcePolicy POST /PutResourcePolicy
PutTelemetryRecords POST /TelemetryRecords
PutTraceSegments POST /TraceSegments
StartTraceRetrieval POST /StartTraceRetrieval
TagResource POST /TagResource
UntagResource POST /UntagResource
UpdateGroup POST /UpdateGroup
UpdateIndexingRule POST /UpdateIndexingRule
UpdateSamplingRule POST /UpdateSamplingRule
UpdateTraceSegmentDestination POST /UpdateTraceSegmentDestination
""",
}
"""By prefix, an operation a line: name, method, path, and the members that stand in the
query (`q:`), in headers (`h:`), `!` where they are required, as `place=member`."""
